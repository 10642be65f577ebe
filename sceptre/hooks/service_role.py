"""Makes sure that the account has the role with which OpenSearch Service puts domains into VPCs.

    service_role.py ensure   creates it unless it is there; it is AWS's, costs nothing, and stays
"""

import sys

from interpreter import boto3

SERVICE = "opensearchservice.amazonaws.com"
ROLE = "AWSServiceRoleForAmazonOpenSearchService"


def main(arguments):
    match arguments:
        case ["ensure"]:
            ensure()
        case _:
            sys.exit(__doc__)


def ensure():
    iam = boto3().client("iam")
    try:
        iam.get_role(RoleName=ROLE)
    except iam.exceptions.NoSuchEntityException:
        create(iam)


def create(iam):
    try:
        iam.create_service_linked_role(AWSServiceName=SERVICE)
    except iam.exceptions.InvalidInputException as error:
        # Both sides of one account may be at it at once; the role being there is all that is wanted.
        if "taken" not in str(error):
            raise


if __name__ == "__main__":
    main(sys.argv[1:])
