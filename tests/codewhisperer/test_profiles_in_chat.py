"""Which profile a chat names, seen at a simulated upstream over real sockets."""

from math import inf

import pytest

from app.codewhisperer.service.profiles import BUILDER_ID, SOCIAL
from app.codewhisperer.upstream import CodeWhisperer
from app.credentials import AuthKind, Token
from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from app.simulator.service.tokens import PROFILE_ARN
from tests.codewhisperer.test_remedies import Ask, _service
from tests.codewhisperer.test_remedies import ask as ask  # a fixture
from tests.codewhisperer.test_remedies import service as service
from tests.codewhisperer.test_remedies import upstream as upstream
from tests.test_gateway import Logins, answer, failure, host

GOOD = {"text": ["hi"]}
OWN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL"


class Login(Logins):
    """One account."""

    def __init__(self, kind: AuthKind, profile_arn: str | None = None) -> None:
        super().__init__("one")
        self.tokens = [Token("one", kind, profile_arn, None, "o", inf)]


def named(upstream: Simulator) -> list[str | None]:
    """The profile of each chat so far."""
    return [seen.body.get("profileArn") for seen in upstream.requests if seen.operation == CHAT]


def newest(upstream: Simulator) -> CodeWhisperer:
    return _service(host(upstream.url, "kiro"), host(upstream.url, "q"))


def test_builder_id_names_the_shared_profile_on_the_newest_hosts_only(
    upstream: Simulator, ask: Ask
) -> None:
    """docs/upstream.md: Builder ID has a profile that all its accounts share"""
    assert answer(ask(own=newest(upstream), logins=Login(AuthKind.IDC)))
    older = _service(host(upstream.url, "q"))
    assert answer(ask(own=older, logins=Login(AuthKind.IDC)))
    assert named(upstream) == [BUILDER_ID, None]


@pytest.mark.parametrize("fault", ["unknown_operation", "invalid_model"])
def test_on_the_way_to_an_older_host_the_shared_profile_is_left_behind(
    upstream: Simulator, ask: Ask, fault: str
) -> None:
    """docs/upstream.md: Builder ID has a profile that all its accounts share"""
    upstream.script({"fail": fault}, GOOD)
    assert answer(ask(own=newest(upstream), logins=Login(AuthKind.IDC))) == "hi"
    assert named(upstream) == [BUILDER_ID, None]
    upstream.script({"fail": fault}, GOOD)
    assert answer(ask(own=newest(upstream), logins=Login(AuthKind.IDC, OWN))) == "hi"
    assert named(upstream)[2:] == [OWN, OWN]


def test_a_social_login_without_a_profile_names_the_shared_one_after_a_refusal(
    upstream: Simulator, ask: Ask
) -> None:
    """docs/upstream.md: The newest hosts want a profile with every call"""
    own = newest(upstream)
    upstream.script({"fail": "profile_arn_required"}, GOOD)
    assert answer(ask(own=own, logins=Login(AuthKind.SOCIAL))) == "hi"
    assert answer(ask(own=own, logins=Login(AuthKind.SOCIAL)))
    assert named(upstream) == [None, SOCIAL, SOCIAL]


def test_a_profile_that_is_refused_once_more_is_the_end(upstream: Simulator, ask: Ask) -> None:
    upstream.script({"fail": "profile_arn_required", "times": 5})
    failed = failure(ask(own=newest(upstream), logins=Login(AuthKind.SOCIAL)))
    assert "profileArn is required" in failed.message
    assert named(upstream) == [None, SOCIAL]


def test_a_paid_builder_id_is_looked_up_after_a_refusal(upstream: Simulator, ask: Ask) -> None:
    """docs/upstream.md: Builder ID has a profile that all its accounts share"""
    own = newest(upstream)
    upstream.script({"fail": "bearer_invalid"}, GOOD)
    assert answer(ask(own=own, logins=Login(AuthKind.IDC))) == "hi"
    assert answer(ask(own=own, logins=Login(AuthKind.IDC)))
    assert named(upstream) == [BUILDER_ID, PROFILE_ARN, PROFILE_ARN]
