"""Empties the bucket of a stack, because CloudFormation deletes only an empty one.

    bucket.py empty STACK LOGICAL_ID   deletes all versions of all objects; does nothing if there is no such stack
"""

import sys

from interpreter import boto3


def main(arguments):
    match arguments:
        case ["empty", stack, logical_id]:
            empty(stack, logical_id)
        case _:
            sys.exit(__doc__)


def empty(stack, logical_id):
    bucket = bucket_of(stack, logical_id)
    if bucket is None:
        return
    storage = boto3().client("s3")
    pages = storage.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        objects = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]}
            for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])
        ]
        if objects:
            answer = storage.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            for error in answer.get("Errors", []):
                sys.exit(f"Bucket {bucket} cannot be emptied: {error['Key']}: {error['Message']}")


def bucket_of(stack, logical_id):
    cloudformation = boto3().client("cloudformation")
    try:
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    for resource in resources:
        if resource["LogicalResourceId"] == logical_id and resource["ResourceStatus"] != "DELETE_COMPLETE":
            return resource.get("PhysicalResourceId") or None
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
