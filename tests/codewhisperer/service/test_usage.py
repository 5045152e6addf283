"""The quota in an answer of GetUsageLimits.

docs/upstream.md: What an account may use has several parts
"""

import json
from typing import Any

import msgspec
import pytest

from app.aws.quota import Quota, Share
from app.codewhisperer.service.usage import Usage, quota

NOW = 1_790_000_000.0


def quota_of(**usage: object) -> Quota | None:
    return quota(msgspec.json.decode(json.dumps(usage), type=Usage, strict=False), NOW)


CREDIT = {
    "resourceType": "CREDIT",
    "currentUsage": 3,
    "usageLimit": 50,
    "nextDateReset": 1_800_000_000,
}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, None),
        ({"usageBreakdownList": [CREDIT]}, (3, 50, 1_800_000_000)),
        (
            {"usageBreakdownList": [{"resourceType": "SPEC", "usageLimit": 1}, CREDIT]},
            (3, 50, 1_800_000_000),
        ),
        (
            {"usageBreakdownList": [CREDIT | {"currentUsageWithPrecision": 3.25}]},
            (3.25, 50, 1_800_000_000),
        ),
        (
            {
                "usageBreakdownList": [
                    CREDIT
                    | {
                        "freeTrialInfo": {
                            "freeTrialStatus": "ACTIVE", "currentUsage": 10, "usageLimit": 500,
                        },
                        "bonuses": [
                            {"status": "ACTIVE", "currentUsage": 1, "usageLimit": 100},
                            {"status": "EXPIRED", "currentUsage": 7, "usageLimit": 70},
                        ],
                    }
                ]
            },
            (14, 650, 1_800_000_000),
        ),
        (
            {
                "usageBreakdownList": [CREDIT | {"currentOverages": 5, "overageCap": 20}],
                "overageConfiguration": {"overageStatus": "ENABLED"},
            },
            (8, 70, 1_800_000_000),
        ),
        (
            {"usageBreakdownList": [{"currentUsage": 1, "usageLimit": 2}], "nextDateReset": 9.0},
            (1, 2, 9),
        ),
    ],
)  # fmt: skip
def test_the_quota_is_what_may_still_be_used(
    usage: dict[str, Any], expected: tuple[float, float, float] | None
) -> None:
    found = quota_of(**usage)
    assert (found and (found.used, found.limit, found.resets_at)) == expected


def parts_of(**members: object) -> dict[str, tuple[float, float]]:
    """The shares of a plan of 50 credits with these members."""
    found = quota_of(usageBreakdownList=[CREDIT | members], overageConfiguration=None)
    assert found is not None
    return {share.name: (share.used, share.limit) for share in found.shares}


@pytest.mark.parametrize(
    ("expiry", "is_counted"),
    [
        (None, True),
        ("soon", True),
        (NOW + 60, True),
        ((NOW + 60) * 1000, True),
        (NOW - 60, False),
        ((NOW - 60) * 1000, False),
    ],
)
def test_a_trial_counts_until_its_end_in_seconds_or_milliseconds(
    expiry: object, is_counted: bool
) -> None:
    trial = {
        "freeTrialStatus": "ACTIVE", "currentUsage": 106, "usageLimit": 500,
        "freeTrialExpiry": expiry,
    }  # fmt: skip
    assert ("trial" in parts_of(freeTrialInfo=trial)) is is_counted


def test_what_was_bought_counts_until_it_expires() -> None:
    packs = [
        {"currentUsage": 1, "usageLimit": 100, "source": "MANUAL"},
        {"currentUsage": 2, "usageLimit": 200, "expiresAt": NOW + 60},
        {"currentUsage": 4, "usageLimit": 400, "expiresAt": NOW - 60},
    ]
    assert parts_of(overageCredits=packs)["packs"] == (3, 300)
    assert parts_of(addOnMetadata={"addOns": packs})["add-ons"] == (3, 300)
    total = {"addOns": packs, "addOnTotalLimit": 900, "addOnTotalUsage": 30}
    assert parts_of(addOnMetadata=total)["add-ons"] == (30, 900)


def test_one_purchase_in_both_lists_counts_once() -> None:
    packs = [{"currentUsage": 1, "usageLimit": 100}]
    parts = parts_of(overageCredits=packs, addOnMetadata={"addOns": packs})
    assert parts == {"plan": (3, 50), "packs": (1, 100)}


def test_overage_counts_with_precision_where_it_is_allowed() -> None:
    credit = CREDIT | {
        "currentOverages": 5, "currentOveragesWithPrecision": 5.25,
        "overageCap": 20, "overageCapWithPrecision": 20.5, "currency": "USD",
    }  # fmt: skip
    total = {"maxOverageLimit": 10000, "overageLimit": 20, "totalOverageCharges": 0.21}
    for status, shares in (("ENABLED", [Share("overage", 5.25, 20.5)]), ("DISABLED", [])):
        found = quota_of(
            usageBreakdownList=[credit],
            overageConfiguration={"overageStatus": status},
            totalUsage=total,
        )
        assert found is not None
        assert list(found.shares) == [Share("plan", 3, 50), *shares]
        assert found.charges == "0.21 USD"


def test_the_answer_for_a_free_account_with_a_trial() -> None:
    """Shape and figures as captured from the Kiro IDE; its nulls are as likely as any value."""
    credit = {
        "displayName": "Credit", "resourceType": "CREDIT", "unit": "INVOCATIONS",
        "currency": "USD", "currentUsage": 0, "usageLimit": 50, "currentOverages": 0,
        "overageCap": 10000, "overageRate": 0.04, "overageCharges": 0, "overageCredits": [],
        "freeTrialInfo": {
            "freeTrialStatus": "ACTIVE", "currentUsage": 106, "usageLimit": 500,
            "freeTrialExpiry": 1790812800000,
        },
        "bonuses": [], "addOnMetadata": None, "currentUsageWithPrecision": None,
        "nextDateReset": 1790812800,
    }  # fmt: skip
    found = quota_of(
        nextDateReset=1790812800,
        overageConfiguration={"overageStatus": "DISABLED"},
        subscriptionInfo={"subscriptionTitle": "KIRO FREE"},
        usageBreakdownList=[credit],
        userInfo={"userId": "d-0000000000.example", "email": None},
        totalUsage=None,
    )
    assert found == Quota(
        used=106,
        limit=550,
        resets_at=1790812800,
        plan="KIRO FREE",
        shares=(Share("plan", 0, 50), Share("trial", 106, 500)),
    )
