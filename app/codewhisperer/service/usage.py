"""What an account may still use: the answer of GetUsageLimits, and the quota in it.

Source of the shapes: the client types of the Amazon Q CLI, and published answers of the service.
Every member may be missing or null, and unknown members are skipped. Where an amount exists with
precision, the other one is rounded.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from app.aws.quota import Quota, Share

_MILLISECONDS = 1e11
"""A larger time is in milliseconds: as seconds it would be after the year 5000. The model says
seconds, a captured answer has the end of a trial in milliseconds."""


class Amount(Struct, rename="camel"):
    """Used and allowed credits: of a plan, a trial, a bonus, a bought pack or an add-on."""

    status: str | None = None
    free_trial_status: str | None = None
    current_usage: float | None = None
    current_usage_with_precision: float | None = None
    usage_limit: float | None = None
    usage_limit_with_precision: float | None = None
    expires_at: float | str | None = None
    free_trial_expiry: float | str | None = None


class AddOns(Struct, rename="camel"):
    """What was bought beside the plan. The list holds the oldest five only."""

    add_ons: list[Amount] | None = None
    add_on_total_limit: float | None = None
    add_on_total_usage: float | None = None


class Breakdown(Amount):
    """The usage of one resource."""

    resource_type: str | None = None
    next_date_reset: float | None = None
    overage_cap: float | None = None
    overage_cap_with_precision: float | None = None
    current_overages: float | None = None
    current_overages_with_precision: float | None = None
    overage_charges: float | None = None
    currency: str | None = None
    free_trial_info: Amount | None = None
    bonuses: list[Amount] | None = None
    overage_credits: list[Amount] | None = None
    add_on_metadata: AddOns | None = None


class Overage(Struct, rename="camel"):
    """Whether the account may use more than it has, for money."""

    overage_status: str | None = None


class Subscription(Struct, rename="camel"):
    """The plan."""

    subscription_title: str | None = None


class Total(Struct, rename="camel"):
    """The overage of all resources."""

    total_overage_charges: float | None = None


class Usage(Struct, rename="camel"):
    """The answer of GetUsageLimits."""

    usage_breakdown_list: list[Breakdown] | None = None
    next_date_reset: float | None = None
    overage_configuration: Overage | None = None
    subscription_info: Subscription | None = None
    total_usage: Total | None = None


def quota(usage: Usage, now: float) -> Quota | None:
    """The credits of the plan, what is still valid of those beside it and, if the account may go
    over, its overage; None if the service reports nothing. ``now``: seconds since the epoch.
    """
    breakdown = next(_credits(usage), None)
    if breakdown is None:
        return None
    shares = tuple(_shares(breakdown, usage.overage_configuration, now))
    subscription = usage.subscription_info
    return Quota(
        used=sum(share.used for share in shares),
        limit=sum(share.limit for share in shares),
        resets_at=_seconds(breakdown.next_date_reset or usage.next_date_reset) or 0.0,
        plan=(subscription and subscription.subscription_title) or "",
        shares=shares,
        charges=_charges(breakdown, usage.total_usage),
    )


def _credits(usage: Usage) -> Iterator[Breakdown]:
    breakdowns = usage.usage_breakdown_list or []
    yield from (one for one in breakdowns if one.resource_type == "CREDIT")
    yield from breakdowns


def _shares(breakdown: Breakdown, overage: Overage | None, now: float) -> Iterator[Share]:
    yield _sum("plan", [breakdown])
    trial = [breakdown.free_trial_info] if breakdown.free_trial_info else []
    packs = _sum("packs", _valid(breakdown.overage_credits, now))
    add_ons = _add_ons(breakdown.add_on_metadata, now)
    beside = [
        _sum("trial", (one for one in _valid(trial, now) if one.free_trial_status == "ACTIVE")),
        _sum("bonuses", (one for one in _valid(breakdown.bonuses, now) if one.status == "ACTIVE")),
        packs,
    ]
    # no source says whether both lists name the same purchase: the same figures count once
    if (add_ons.used, add_ons.limit) != (packs.used, packs.limit):
        beside.append(add_ons)
    yield from (share for share in beside if share.limit)
    if overage and overage.overage_status == "ENABLED":
        yield Share(
            "overage",
            _precise(breakdown.current_overages_with_precision, breakdown.current_overages),
            _precise(breakdown.overage_cap_with_precision, breakdown.overage_cap),
        )


def _add_ons(found: AddOns | None, now: float) -> Share:
    if found and found.add_on_total_limit is not None:
        return Share("add-ons", found.add_on_total_usage or 0, found.add_on_total_limit)
    return _sum("add-ons", _valid(found.add_ons if found else None, now))


def _valid(amounts: Sequence[Amount] | None, now: float) -> Iterator[Amount]:
    """The amounts that have not expired; a time that is not a number proves nothing."""
    for amount in amounts or ():
        end = _seconds(amount.expires_at or amount.free_trial_expiry)
        if not end or end > now:
            yield amount


def _sum(name: str, amounts: Iterable[Amount]) -> Share:
    used = limit = 0.0
    for one in amounts:
        used += _precise(one.current_usage_with_precision, one.current_usage)
        limit += _precise(one.usage_limit_with_precision, one.usage_limit)
    return Share(name, used, limit)


def _charges(breakdown: Breakdown, total: Total | None) -> str:
    charges = (total and total.total_overage_charges) or breakdown.overage_charges
    return f"{charges:.2f} {breakdown.currency or ''}".strip() if charges else ""


def _precise(precise: float | None, rounded: float | None) -> float:
    return (rounded if precise is None else precise) or 0


def _seconds(moment: float | str | None) -> float | None:
    if not isinstance(moment, float):
        return None
    return moment / 1000 if moment > _MILLISECONDS else moment
