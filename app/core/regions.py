"""Names of AWS regions."""

import re

DEFAULT_REGION = "us-east-1"
"""Where nothing names one."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def is_region(name: str) -> bool:
    """Whether it has the form of one, which new ones have as well. It becomes part of host names,
    and no such name leads to another domain.
    """
    return _REGION.fullmatch(name) is not None
