"""What the functions of data need beside what every function needs; test_permissions.py shows that it is needed."""

from __future__ import annotations

ON_THE_FOLLOWER = ("es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut")
ON_THE_LEADER = ("es:ESHttpGet", "es:ESHttpPost")
TO_ASK = {"follower/data-provider": "sts:AssumeRole", "leader/data-accepter-role": "lambda:InvokeFunction"}
TO_MAP = "es:ESHttpPatch"
TO_DELETE = "es:ESHttpDelete"
TO_SIGN_IN = "secretsmanager:GetSecretValue"
NEEDED = {*ON_THE_FOLLOWER, *ON_THE_LEADER, *TO_ASK.values(), TO_MAP, TO_DELETE, TO_SIGN_IN}
