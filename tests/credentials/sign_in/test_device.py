"""The device flow, against a scripted service."""

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.model import Grant
from app.credentials.refresh.client import ServiceClient
from app.credentials.sign_in.device import DeviceCode, DeviceFlow, Registration
from tests.credentials.service import Answer, AuthService


class Waits:
    """A sleep that takes no time and records its durations."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class ReleasingWaits(Waits):
    """Lets the service answer again from the second wait on."""

    def __init__(self, service: AuthService) -> None:
        super().__init__()
        self._service = service

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.waits) == 2:
            self._service.hold.set()


def wait_for(service: AuthService, waits: Waits, lifetime: float = 600) -> Grant:
    client = ServiceClient(user_agent="test", response_timeout=0.2)
    flow = DeviceFlow(client, service.url, clock=waits.clock, sleep=waits.sleep)
    code = DeviceCode("code", "USER", "page", "page?code", lifetime, 5)
    return flow.wait(Registration("id", "secret"), code)


def pending(error: str) -> Answer:
    return 400, {"error": error}, {}


def test_polling_slows_down_when_told(service: AuthService) -> None:
    waits = Waits()
    granted: Answer = (200, {"accessToken": "at", "refreshToken": "rt", "expiresIn": 60}, {})
    service.fail = [
        pending("authorization_pending"),
        pending("slow_down"),
        pending("authorization_pending"),
        (503, {}, {}),
        granted,
    ]
    grant = wait_for(service, waits)
    assert (grant.access_token, grant.refresh_token, grant.expires_at) == ("at", "rt", 100)
    assert waits.waits == [5, 5, 10, 10, 10]


def test_polling_slows_down_after_a_timeout(service: AuthService) -> None:
    waits = ReleasingWaits(service)
    service.fail = [pending("authorization_pending")] * 2 + [(200, {"accessToken": "at"}, {})]
    service.hold.clear()
    wait_for(service, waits)
    assert waits.waits[:3] == [5, 10, 10]


@pytest.mark.parametrize(
    ("error", "words", "kind"),
    [
        ("access_denied", "declined", Kind.LOGIN_OVER),
        ("expired_token", "not confirmed in time", Kind.LOGIN_OVER),
        ("invalid_client", "refused with status 400", Kind.UPSTREAM_ERROR),
    ],
)
def test_a_login_that_is_not_granted_ends(
    service: AuthService, error: str, words: str, kind: Kind
) -> None:
    service.fail = [pending(error)]
    with pytest.raises(GatewayError, match=words) as raised:
        wait_for(service, Waits())
    assert raised.value.kind is kind


def test_a_code_that_nobody_confirms_ends(service: AuthService) -> None:
    service.fail = [pending("authorization_pending")] * 99
    waits = Waits()
    with pytest.raises(GatewayError, match="not confirmed in time"):
        wait_for(service, waits, lifetime=60)
    assert waits.now == 60
