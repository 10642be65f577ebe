"""The zip that is deployed."""

from __future__ import annotations

import os
import stat
import zipfile

from .protocol.runtime_api import Function


def test_d20_the_zip_holds_the_program_at_its_root_and_it_starts(artifact, tmp_path):
    with zipfile.ZipFile(artifact) as archive:
        assert archive.namelist() == ["bootstrap"]
        assert archive.testzip() is None
        (entry,) = archive.infolist()
        assert entry.file_size > 0
        assert (entry.external_attr >> 16) & stat.S_IXUSR, "Lambda starts only what is executable"
        archive.extract(entry, tmp_path)
    program = tmp_path / "bootstrap"
    os.chmod(program, 0o755)
    with Function(program, {"AWS_REGION": "us-west-2"}) as function:
        # It waits at the Runtime API, and stays there after an event that is nobody's request.
        outcome = function.invoke({"detail": "a scheduled event"})
        assert outcome.kind == "error"
        assert "without a ResponseURL" in outcome.payload["errorMessage"]
        assert function.is_waiting()
