"""Members of events that nobody knew are found, and named once."""

import json
import logging

import pytest

from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.answer.members import unknown_members
from app.codewhisperer.service import news
from app.codewhisperer.service.errors import from_response
from app.eventstream.frames import FrameDecoder
from app.simulator.wire import frames as wire


def found(event: str, payload: object) -> list[str]:
    return list(unknown_members(event, json.dumps(payload).encode()))


def test_what_is_known_is_not_named() -> None:
    assert found("meteringEvent", {"usage": 1.0, "unit": "credit", "unitPlural": "credits"}) == []
    usage = {"uncachedInputTokens": 1, "normalizedTokenUsage": 1.5}
    assert found("metadataEvent", {"tokenUsage": usage, "stopReason": "END_TURN"}) == []


def test_what_is_new_is_named_with_its_place() -> None:
    assert found("assistantResponseEvent", {"content": "a", "mood": 1}) == [
        "assistantResponseEvent.mood"
    ]
    assert found("metadataEvent", {"tokenUsage": {"energyUsage": 3}}) == [
        "metadataEvent.tokenUsage.energyUsage"
    ]


@pytest.mark.parametrize("payload", [b"", b"[1]", b"null", b"{", b"[" * 10_000])
def test_anything_may_come(payload: bytes) -> None:
    assert list(unknown_members("meteringEvent", payload)) == []


def test_an_answer_counts_them_and_goes_on() -> None:
    decoder = EventDecoder()
    sent = wire.event("assistantResponseEvent", {"content": "a", "mood": 1})
    sent += wire.event("dreamEvent", {}) + wire.event("meteringEvent", {"usage": 1, "tax": 2})
    decoder.feed(FrameDecoder().feed(sent))
    assert decoder.skipped == {
        "assistantResponseEvent.mood": 1, "dreamEvent": 1, "meteringEvent.tax": 1,
    }  # fmt: skip
    assert decoder.skipped.unknown == decoder.skipped.keys()


def test_a_name_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "kiro2api.upstream"):
        for _ in range(3):
            news.tell("an event or a member", "nightmareEvent")
    assert len(caplog.records) == 1
    assert "nightmareEvent" in caplog.text


def test_a_reason_that_no_row_names_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps({"message": "no", "reason": "MOON_PHASE_EXCEEDED"}).encode()
    with caplog.at_level(logging.WARNING, "kiro2api.upstream"):
        errors = [from_response(400, {}, body) for _ in range(2)]
    assert {error.code for error in errors} == {"MOON_PHASE_EXCEEDED"}
    assert len(caplog.records) == 1


def test_the_names_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "_told", set())
    for number in range(news.MOST + 10):
        news.tell("an event or a member", str(number))
    assert len(news._told) == news.MOST
