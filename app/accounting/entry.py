"""What is kept of an answer, and what is added up of many."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from app.aws.quota import Quota
from app.common.errors import shortened
from app.common.finished import Finished
from app.core.credits import micro

LONGEST = 128
"""Characters of a model's name as the client gave it."""

LONGEST_LIST = 512
"""Characters of the names of repairs, or of what was ignored."""

LONGEST_MESSAGE = 1000
"""Characters of what a client was told of a failure."""

Grouping: TypeAlias = Literal["key", "model", "account", "day", "client"]
GROUPINGS: tuple[Grouping, ...] = ("key", "model", "account", "day", "client")


Scope: TypeAlias = Literal["host", "all hosts"]
"""Whose answers a report has."""


class Entry(Struct, frozen=True, gc=False):
    """One answer. Times in seconds since the epoch, durations in milliseconds; ``credits`` in
    micro-credits, None if the service named none. ``message`` is what the client was told of the
    failure. ``model`` is "" for a request that was refused before a model was chosen: it is kept
    for a while, and is not added up. The members are also the columns of the table.
    """

    at: float
    request_id: str
    key: str
    account: str
    client: str
    dialect: str
    model_asked: str
    model: str
    status: int
    error: str
    end: str
    streamed: bool
    cancelled: bool
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    credits: int | None
    attempts: int
    first_event: int | None
    total: int
    repairs: str
    ignored: str
    message: str = ""

    @property
    def day(self) -> str:
        """The day in UTC, as 2026-11-27."""
        return day(self.at)


class Total(Struct, kw_only=True):
    """What the answers of one name have cost together. ``failed`` of the ``requests`` ended in an
    error or without their client; the service named no price for ``unpriced``, whose cost is not
    among the ``credits``.
    """

    name: str = ""
    requests: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: int = 0
    unpriced: int = 0


COUNTERS = tuple(name for name in Total.__struct_fields__ if name != "name")
"""The members of a total that are added up, in their order."""
_counters_of = attrgetter(*COUNTERS)


class Query(Struct, frozen=True):
    """Which answers to add up, and by what. ``since`` in seconds since the epoch; ``key`` names
    the only key to look at, "" for all.
    """

    by: Grouping
    since: float
    key: str = ""


class Reading(Struct, frozen=True):
    """What an account had used by its service's own count (``used`` of ``limit``), and what was
    ``recorded`` of it here, both in micro-credits, at that moment. The counts begin anew at
    ``resets_at``, 0 if that is not known.
    """

    account: str
    at: float
    used: int
    limit: int
    resets_at: float
    recorded: int


class Speed(NamedTuple):
    """How fast an answer was: milliseconds to its first event and in all, and tokens of output."""

    at: float
    first_event: int
    total: int
    output_tokens: int


def entry(finished: Finished) -> Entry:
    """What is kept of an answer."""
    first = finished.first_event
    return Entry(
        at=finished.time,
        request_id=finished.request_id,
        key=finished.key,
        account=finished.account,
        client=finished.client,
        dialect=finished.dialect,
        model_asked=shortened(finished.model_asked, LONGEST),
        model=finished.model,
        status=finished.status,
        error=finished.error,
        end=finished.end,
        streamed=bool(finished.streamed),
        cancelled=finished.cancelled,
        input_tokens=finished.input_tokens,
        output_tokens=finished.output_tokens,
        cache_read_tokens=finished.cache_read_tokens,
        cache_write_tokens=finished.cache_write_tokens,
        credits=None if finished.credits is None else micro(finished.credits),
        attempts=finished.attempts,
        first_event=None if first is None else round(first * 1000),
        total=round(finished.total * 1000),
        repairs=_listed(finished.repairs),
        ignored=_listed(finished.ignored),
        message=shortened(finished.message, LONGEST_MESSAGE),
    )


def reading(account: str, at: float, quota: Quota) -> Reading:
    """What a service says of an account. What is recorded of it then is added by the store."""
    return Reading(account, at, micro(quota.used), micro(quota.limit), quota.resets_at, 0)


def total(one: Entry) -> Total:
    """An answer as a total of its own."""
    return Total(
        requests=1,
        failed=int(bool(one.error) or one.cancelled),
        input_tokens=one.input_tokens,
        output_tokens=one.output_tokens,
        cache_read_tokens=one.cache_read_tokens,
        cache_write_tokens=one.cache_write_tokens,
        credits=one.credits or 0,
        unpriced=int(one.credits is None),
    )


def day(at: float) -> str:
    """The day of a moment, in UTC."""
    return _day(int(at // 86400))


@lru_cache(maxsize=2)
def _day(number: int) -> str:
    """The day of that number since the epoch: a batch has answers of one or two."""
    return f"{datetime.fromtimestamp(number * 86400, UTC):%F}"


def added(totals: Iterable[Total], name: str = "") -> Total:
    """All of them together."""
    sums = map(sum, zip(*map(_counters_of, totals), strict=True))
    return Total(name=name, **dict(zip(COUNTERS, sums, strict=False)))  # none of nothing


def _listed(names: tuple[str, ...]) -> str:
    return shortened(",".join(names), LONGEST_LIST) if names else ""
