"""Where the master user is in a secret, the function signs in as that user, if it may read the secret."""

from __future__ import annotations

from .narrowing import without
from .needed import TO_SIGN_IN


def test_a_secret_that_cannot_be_read_says_so(launching):
    with launching("one Region", network=True, pattern="logs-*") as launched:
        launched.deployment.launch("follower/data-provider.yaml")
        with without(launched, "follower/data-provider", TO_SIGN_IN):
            done = launched.deployment.run("launch", "-y", "follower/role-mappings.yaml")
            assert done.returncode != 0
            assert TO_SIGN_IN in done.stdout + done.stderr
        launched.deployment.launch("follower/role-mappings.yaml")
