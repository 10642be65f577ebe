"""Stops Sceptre where going on would do harm.

    stack.py require-gone STACK   fails if the stack is still there
"""

import sys

from interpreter import boto3


def main(arguments):
    match arguments:
        case ["require-gone", stack]:
            require_gone(stack)
        case _:
            sys.exit(__doc__)


def require_gone(stack):
    cloudformation = boto3().client("cloudformation")
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return
        raise
    for status in (entry["StackStatus"] for entry in found):
        if status != "DELETE_COMPLETE":
            sys.exit(
                f"Stack {stack} is still there ({status}), so nothing that it needs is deleted: "
                "see its events, put right what they say, then delete again."
            )


if __name__ == "__main__":
    main(sys.argv[1:])
