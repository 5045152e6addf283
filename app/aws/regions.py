"""Names of AWS regions."""

import re

DEFAULT_REGION = "us-east-1"
"""The region to use if nothing names one."""
A_REGION = f"an AWS region such as {DEFAULT_REGION}"
"""What a region must be, for error messages and descriptions."""

COMMERCIAL_REGIONS = ("us-east-1", "eu-central-1")
"""Regions known to have the service. Other regions are tried if they are configured."""
GOV_REGIONS = ("us-gov-west-1", "us-gov-east-1")
"""The regions of AWS GovCloud (US), a partition of its own: other logins, other hosts."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def is_region(name: str) -> bool:
    """Whether ``name`` has the form of a region name, known or new. Region names become part of
    host names; a name of this form cannot lead to another domain.
    """
    return _REGION.fullmatch(name) is not None


def is_gov(region: str) -> bool:
    """Whether a region belongs to AWS GovCloud (US)."""
    return region.startswith("us-gov-")


def region_of(arn: str | None) -> str | None:
    """The region in an ARN, None if it has none."""
    parts = (arn or "").split(":")
    return parts[3] or None if len(parts) > 3 else None


def home_regions(login_region: str | None) -> tuple[str, ...]:
    """Where the profile of a login may be, the most probable region first. ``login_region`` is that
    of its sign-in service, None if unknown. A GovCloud login is known in GovCloud only.
    """
    known = GOV_REGIONS if login_region and is_gov(login_region) else COMMERCIAL_REGIONS
    return tuple(sorted(known, key=lambda region: region != login_region))
