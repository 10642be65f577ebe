"""Starts a bootstrap and waits for its first question to the Lambda Runtime API.

Lambda bills and waits for exactly this time on every cold start. Linux only: memory is read from /proc.
"""

import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

STARTS = 20
GIVE_UP_SECONDS = 30
FIRST_QUESTION = b"GET /2018-06-01/runtime/invocation/next "


class Starts(NamedTuple):
    """Milliseconds and bytes, each the median."""

    count: int
    median: float
    resident: int


def measure(program, count=STARTS):
    """Start the program this often; the first start, which reads it from disk, is not counted."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bootstrap"
        path.write_bytes(program)
        path.chmod(0o755)
        found = [once(path) for _ in range(count + 1)][1:]
    return Starts(count, statistics.median(ms for ms, _ in found), int(statistics.median(size for _, size in found)))


def once(path):
    """Milliseconds from process start to the first poll, and the memory resident then."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GIVE_UP_SECONDS)
        environment = surroundings(server.getsockname()[1])
        began = time.perf_counter()
        with subprocess.Popen([path], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(GIVE_UP_SECONDS)
                    question = connection.recv(65536)
                    milliseconds = (time.perf_counter() - began) * 1000
                    if not question.startswith(FIRST_QUESTION):
                        raise RuntimeError(f"the first question was {question.splitlines()[:1]}")
                    return milliseconds, resident(process.pid)
            except TimeoutError:
                raise RuntimeError(f"it asked for no event within {GIVE_UP_SECONDS} s") from None
            finally:
                process.send_signal(signal.SIGKILL)


def surroundings(port):
    """What Lambda gives a function, and nothing of the caller's."""
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/measured",
        "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
        "AWS_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": "222222222222",
        "AWS_SECRET_ACCESS_KEY": "measured",
        "PATH": os.environ["PATH"],
    }


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the process has no resident memory")
