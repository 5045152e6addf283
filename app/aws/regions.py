"""Names of AWS regions."""

import re

DEFAULT_REGION = "us-east-1"
"""Where nothing names one."""
A_REGION = f"an AWS region such as {DEFAULT_REGION}"
"""What must be given, for errors and descriptions."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def is_region(name: str) -> bool:
    """Whether it has the form of one, which new ones have as well. It becomes part of host names,
    and no such name leads to another domain.
    """
    return _REGION.fullmatch(name) is not None
