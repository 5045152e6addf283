"""What the views show, of sources that the test makes up."""

from typing import Any

import pytest

from app.common.errors import GatewayError, Kind
from app.keys.key_file import OWN, ClientKey
from app.page.sessions import Session
from app.page.sources import InProgress, Sources
from app.page.views import Views

OWNER = Session(ClientKey(OWN, "0" * 64), "proof")
ALICE = Session(ClientKey("alice", "1" * 64), "proof")


class Away:
    """What is kept cannot be read."""

    def __getattr__(self, name: str) -> Any:
        raise GatewayError(Kind.UNAVAILABLE, "What was used cannot be read now (x); try again.")


def views(**members: Any) -> Views:
    given: dict[str, Any] = {
        "version": "1.2.3",
        "accounts": list,
        "why_unready": lambda: "login over",
        "problems": lambda: ["KIRO_TOKEN_STORE cannot be used"],
        "names": None,
        "may_use": None,
        "reports": Away(),
        "recent": Away(),
        "in_progress": lambda: InProgress([], 3),
        "ask_quotas": lambda: None,
        "is_ending": lambda: False,
        "public_key": "",
    }
    return Views(Sources(**given | members))


@pytest.mark.parametrize(("session", "problems"), [(OWNER, 2), (ALICE, 1)])
def test_the_overview_says_what_is_wrong_when_the_usage_cannot_be_read(
    session: Session, problems: int
) -> None:
    found = views().values("overview", session, {}, "http://gateway")
    assert found["problem"] == ""
    assert (found["why_unready"], found["day"], found["failures"]) == ("login over", None, None)
    assert len(found["to_repair"]) == problems
    assert "cannot be read now" in found["to_repair"][-1]


def test_only_the_owner_sees_which_account_answered() -> None:
    from app.page import rendering, texts
    from tests.accounting.test_stores import made

    language = texts.chosen("en", [])
    shown = [
        rendering.row(made(account="my-account"), language, with_account=session.is_owner)
        for session in (OWNER, ALICE)
    ]
    assert ["my-account" in one for one in shown] == [True, False]
