"""The JSON of a report."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.common.openapi import Shape

from .entry import Grouping, Scope


class UsageTotal(Shape, frozen=True):
    """What the answers of one name have cost; ``unpriced`` of them have no price among the
    ``credits``, since the service named none."""

    name: str
    requests: int
    failed: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    credits: float
    unpriced: int


class AccountComparison(Shape, frozen=True):
    """What the service counted of an account in that time, and what was recorded here."""

    account: str
    since: str
    until: str
    counted: float
    recorded: float
    difference: float


class Usage(Shape, frozen=True):
    """``missing``: answers that could not be kept. ``accounts`` is there if ``by`` is account."""

    object: Literal["usage"]
    by: Grouping
    scope: Scope
    since: str
    until: str
    data: list[UsageTotal]
    total: UsageTotal
    missing: int
    accounts: list[AccountComparison] | UnsetType = UNSET
