"""Amazon Linux 2023 and Ubuntu 24.04 by their public SSM parameters, for both architectures.

ministack knows one of the parameters and no architecture, so an arm64 instance would start from an x86 image.
"""

from __future__ import annotations

from ministack.services import ssm

_PREFIX = "/aws/service/ami-amazon-linux-latest/"
_KERNELS = ("kernel-default", "kernel-6.1", "kernel-6.12")
_UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/{}/hvm/ebs-gp3/ami-id"
AMAZON = {"arm64": "ami-0a2023a1b2c3d4e5f", "x86_64": "ami-0c2023a1b2c3d4e5f"}
UBUNTU = {"arm64": "ami-0a2404a1b2c3d4e5f", "x86_64": "ami-0c2404a1b2c3d4e5f"}
# The families of the instance types that need an arm64 image: those with a `g` after the generation.
_GRAVITON = ("a1", "t4g", "m6g", "m7g", "m8g", "c6g", "c7g", "c8g", "r6g", "r7g", "r8g")


def install() -> None:
    """Add the parameters."""
    for architecture, image in AMAZON.items():
        for kernel in _KERNELS:
            for edition in ("al2023-ami", "al2023-ami-minimal"):
                ssm._PUBLIC_AMI_PARAMETERS[f"{_PREFIX}{edition}-{kernel}-{architecture}"] = image
    for architecture, image in UBUNTU.items():
        name = architecture.replace("x86_64", "amd64")
        ssm._PUBLIC_AMI_PARAMETERS[_UBUNTU.format(name)] = image


def architecture_of(instance_type: str) -> str:
    family = instance_type.partition(".")[0]
    return "arm64" if any(family in (name, f"{name}d", f"{name}n", f"{name}b") for name in _GRAVITON) else "x86_64"


def check(image: str, instance_type: str) -> str:
    """The image to launch; refuses what AWS refuses: an unknown one, or one of the other architecture."""
    if image.startswith("resolve:ssm:"):
        name = image.removeprefix("resolve:ssm:")
        image = ssm.resolve_parameter_value(name) or ""
        if not image:
            raise ValueError(f"The parameter {name} could not be resolved to an image id")
    kinds = {known: kind for images in (AMAZON, UBUNTU) for kind, known in images.items()}
    if image not in kinds:
        raise ValueError(f"The image id '[{image}]' does not exist (Error Code: InvalidAMIID.NotFound)")
    if kinds[image] != (needed := architecture_of(instance_type)):
        raise ValueError(
            f"The architecture '{needed}' of the specified instance type does not match the architecture "
            f"'{kinds[image]}' of the specified AMI. (Error Code: InvalidParameterValue)"
        )
    return image
