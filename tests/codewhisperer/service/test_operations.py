"""The control plane as the simulator speaks it, and what is made of its answers."""

from typing import Any

import msgspec
import pytest
import requests

from app.aws.quota import Quota
from app.codewhisperer.client import Client
from app.codewhisperer.service.hosts import Host, HostChoice
from app.codewhisperer.service.operations import ControlPlane, _quota, _Usage
from app.errors import GatewayError
from app.simulator import Simulator


def quota(**usage: object) -> Quota | None:
    return _quota(msgspec.convert(usage, _Usage))


def test_the_simulator_tells_the_quota_and_the_profile() -> None:
    with Simulator() as upstream:
        client = Client(connections=1, connect_timeout=5, user_agent="kiro2api/test")
        control = ControlPlane(client, HostChoice(upstream.url, None))
        token = _token(upstream.url)
        found = control.quota(token, "idc", None, None)
        assert found is not None
        assert (found.used, found.limit) == (0, 1000)
        assert found.resets_at > 1_700_000_000
        assert (control.find_profile(token, "idc") or "").startswith("arn:aws:codewhisperer:")
        with pytest.raises(GatewayError):
            control.quota("no-token", "idc", None, None)
        client.close()


class Regions(HostChoice):
    """Notes the regions that were asked for."""

    def __init__(self, url: str) -> None:
        super().__init__(url, None)
        self.asked: list[str | None] = []

    def first(self, account_region: str | None) -> Host:
        self.asked.append(account_region)
        return super().first(account_region)


def test_the_quota_is_asked_for_where_the_account_is() -> None:
    """Whatever its profile is called; some have none."""
    with Simulator(accept_any_token=True) as upstream:
        client = Client(connections=1, connect_timeout=5, user_agent="kiro2api/test")
        hosts = Regions(upstream.url)
        assert ControlPlane(client, hosts).quota("token", "idc", "no ARN", "eu-central-1")
        assert hosts.asked == ["eu-central-1"]
        client.close()


def _token(url: str) -> str:
    answer = requests.post(f"{url}/refreshToken", json={"refreshToken": "r" * 128}, timeout=5)
    return str(answer.json()["accessToken"])


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
        ({"usageBreakdownList": [CREDIT]}, Quota(3, 50, 1_800_000_000)),
        (
            {"usageBreakdownList": [{"resourceType": "SPEC", "usageLimit": 1}, CREDIT]},
            Quota(3, 50, 1_800_000_000),
        ),
        (
            {"usageBreakdownList": [CREDIT | {"currentUsageWithPrecision": 3.25}]},
            Quota(3.25, 50, 1_800_000_000),
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
            Quota(14, 650, 1_800_000_000),
        ),
        (
            {
                "usageBreakdownList": [CREDIT | {"currentOverages": 5, "overageCap": 20}],
                "overageConfiguration": {"overageStatus": "ENABLED"},
            },
            Quota(8, 70, 1_800_000_000),
        ),
        (
            {"usageBreakdownList": [{"currentUsage": 1, "usageLimit": 2}], "nextDateReset": 9.0},
            Quota(1, 2, 9),
        ),
    ],
)  # fmt: skip
def test_the_quota_is_what_may_still_be_used(usage: dict[str, Any], expected: Quota | None) -> None:
    assert quota(**usage) == expected
