"""The measuring itself: a program that polls is measured, one that asks something else is not believed."""

import sys

import pytest

sys.path.insert(0, __file__.rpartition("/")[0])
import start  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

PROGRAM = f"""#!{sys.executable}
import os, socket, time
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
connection = socket.create_connection((host, int(port)))
connection.sendall(b"GET /2018-06-01/runtime/invocation/QUESTION HTTP/1.1\\r\\n\\r\\n")
connection.recv(1)
"""


def test_a_program_that_polls_is_measured():
    starts = start.measure(PROGRAM.replace("QUESTION", "next").encode(), count=2)
    assert starts.count == 2
    assert starts.median > 0
    assert starts.resident > 1_000_000


def test_a_program_that_asks_something_else_is_refused():
    with pytest.raises(RuntimeError, match="the first question was"):
        start.measure(PROGRAM.replace("QUESTION", "other").encode(), count=1)
