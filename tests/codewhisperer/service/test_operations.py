"""The control plane as the simulator speaks it, and what is made of its answers."""

import pytest
import requests

from app.codewhisperer.client import Client
from app.codewhisperer.service.hosts import Host, HostChoice
from app.codewhisperer.service.operations import ControlPlane
from app.common.errors import GatewayError
from app.simulator import Simulator


def test_the_simulator_tells_the_quota_and_the_profile() -> None:
    with Simulator() as upstream:
        client = Client(connections=1, connect_timeout=5, user_agent="kiro2api/test")
        control = ControlPlane(client, HostChoice(upstream.url, None))
        token = _token(upstream.url)
        found = control.quota(token, "idc", None, None)
        assert found is not None
        assert (found.used, found.limit) == (0, 1000)
        assert found.resets_at > 1_700_000_000
        assert (control.find_profile(token, "idc", None) or "").startswith("arn:aws:codewhisperer:")
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
