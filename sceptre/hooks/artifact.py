"""Names the function's zip by its content and uploads it under that name.

    artifact.py key ZIP             prints the key
    artifact.py upload ZIP BUCKET   uploads the zip under that key, unless it is there already

A relative ZIP is relative to the sceptre directory, wherever Sceptre is started.
"""

import hashlib
import sys
from pathlib import Path

from interpreter import boto3

PROJECT = Path(__file__).resolve().parent.parent


def main(arguments):
    match arguments:
        case ["key", artifact]:
            # No line break: Sceptre takes the output as it is.
            print(key(PROJECT / artifact), end="")
        case ["upload", artifact, bucket]:
            upload(PROJECT / artifact, bucket)
        case _:
            sys.exit(__doc__)


def key(artifact):
    if not artifact.is_file():
        # Plans and checks work without a zip. Deploying does not: provider.yaml takes only keys that end in .zip,
        # and its refusal is one readable line, where a failing hook would be a traceback of Sceptre.
        return "not-built-yet"
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    return f"provider/{digest}.zip"


def upload(artifact, bucket):
    if not artifact.is_file():
        print(f"The function's code {artifact.resolve()} is missing: run `make package` first.", file=sys.stderr)
        return
    storage = boto3().client("s3")
    name = key(artifact)
    present = storage.list_objects_v2(Bucket=bucket, Prefix=name)
    if present["KeyCount"] == 0:
        storage.upload_file(str(artifact), bucket, name)


if __name__ == "__main__":
    main(sys.argv[1:])
