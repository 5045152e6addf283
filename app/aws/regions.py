"""Names of AWS regions."""

import re

DEFAULT_REGION = "us-east-1"
"""The region to use if nothing names one."""
A_REGION = f"an AWS region such as {DEFAULT_REGION}"
"""What a region must be, for error messages and descriptions."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def is_region(name: str) -> bool:
    """Whether ``name`` has the form of a region name, known or new. Region names become part of
    host names; a name of this form cannot lead to another domain.
    """
    return _REGION.fullmatch(name) is not None
