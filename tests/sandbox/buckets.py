"""A bucket with anything in it, old versions and delete markers included, cannot be deleted.

ministack refuses that over S3, but drops the bucket with all it holds when CloudFormation deletes it.
"""

from __future__ import annotations

from ministack.services import s3
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Ask before CloudFormation's deletion what S3 asks before its own."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    original = handler["delete"]

    def delete(physical_id: str, properties: dict) -> None:
        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError(
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket. "
                "(Service: S3, Status Code: 409, Error Code: BucketNotEmpty)"
            )
        original(physical_id, properties)

    handler["delete"] = delete
