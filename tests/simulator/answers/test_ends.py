"""How answers end: events of the tail, refusals, exceptions, reasons, and silence."""

import time
from typing import Any

import pytest

from app.simulator import Simulator
from app.simulator.catalogue.reasons import REASONS, fault_with_reason
from tests.simulator.client import Client, chat_body, events, open_chat, user

EVERY_REASON = [(kind, reason) for kind, reasons in REASONS.items() for reason in reasons]
STATUS = {
    "AccessDeniedException": 403,
    "ThrottlingException": 429,
    "ServiceQuotaExceededException": 402,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "ValidationException": 400,
}


def tail(client: Client, binding: str = "json-rpc") -> list[tuple[str, Any]]:
    found = events(client.chat(binding=binding).body)
    ends = ("meteringEvent", "contextUsageEvent", "metadataEvent")
    return [(kind, payload) for kind, payload in found if kind in ends]


@pytest.mark.parametrize(("kind", "reason"), EVERY_REASON)
def test_every_reason_of_the_service_can_be_asked_for(
    client: Client, simulator: Simulator, kind: str, reason: str
) -> None:
    simulator.script({"fail": {"reason": reason, "type": kind}}, {"fail": reason})
    answer = client.chat(binding="json-rpc")
    assert answer.status == STATUS[kind]
    assert answer.json["__type"] == f"com.amazon.kiro.runtimeservice#{kind}"
    assert answer.json["reason"] == reason
    assert answer.json["message"]
    assert client.chat().json["reason"] == reason


def test_a_directive_can_ask_for_a_reason(client: Client) -> None:
    answer = client.chat(chat_body(user('!sim {"fail": "PROMPT_TOO_LONG"}')))
    assert (answer.status, answer.json["reason"]) == (400, "PROMPT_TOO_LONG")
    unknown = client.chat(chat_body(user('!sim {"fail": "NO_SUCH_REASON"}')))
    assert unknown.headers["x-sim-violation"] == "directive"
    assert fault_with_reason("NO_SUCH_REASON") is None


def test_a_throttle_says_when_to_come_back(client: Client, simulator: Simulator) -> None:
    simulator.script(
        {"fail": "CREDIT_CONSUMPTION_RATE_EXCEEDED"},
        {"fail": {"fault": "throttled", "retry_after_milliseconds": 1500}},
        {"fail": "throttled"},
    )
    waits = [client.chat().json.get("retryAfterMilliseconds") for _ in range(3)]
    assert waits == [300_000, 1500, None]


@pytest.mark.parametrize(
    ("name", "member", "kind"),
    [
        ("throttled", "throttlingError", "ThrottlingException"),
        ("internal", "error", "InternalServerException"),
        ("improperly_formed", "validationError", "ValidationException"),
        ("unavailable_503", "serviceUnavailableError", "ServiceUnavailableException"),
    ],
)
def test_an_exception_in_the_stream_is_named_as_its_binding_does(
    client: Client, simulator: Simulator, name: str, member: str, kind: str
) -> None:
    for binding, expected in (("json-rpc", member), ("rest", kind)):
        simulator.script({"text": "par", "exception": name})
        assert events(client.chat(binding=binding).body)[-1][0] == expected


def test_an_exception_may_have_a_reason_a_wait_and_any_name(
    client: Client, simulator: Simulator
) -> None:
    simulator.script(
        {"exception": {"reason": "USER_REQUEST_RATE_EXCEEDED", "retry_after_milliseconds": 20}},
        {"exception": {"type": "ThrottlingException", "message": "m"}},
    )
    kind, payload = events(client.chat(binding="json-rpc").body)[-1]
    assert kind == "throttlingError"
    assert payload == {
        "message": "Rate exceeded.",
        "reason": "USER_REQUEST_RATE_EXCEEDED",
        "retryAfterMilliseconds": 20,
    }
    exact = events(client.chat(binding="json-rpc").body)[-1]
    assert exact == ("ThrottlingException", {"message": "m"})


def test_several_meterings_add_up(client: Client, simulator: Simulator) -> None:
    for binding in ("rest", "json-rpc"):
        simulator.script({"text": "x", "credits": [0.25, 0.5]})
        metered = [payload for kind, payload in tail(client, binding) if kind == "meteringEvent"]
        assert [payload["usage"] for payload in metered] == [0.25, 0.5]
    headers = {"authorization": f"Bearer {client.token}"}
    usage = client.send("GET", "/getUsageLimits", headers=headers).json
    assert usage["usageBreakdownList"][0]["currentUsageWithPrecision"] == 1.5


def test_a_refusal_has_its_details(client: Client, simulator: Simulator) -> None:
    details = {
        "category": "REASONING_EXTRACTION",
        "explanation": "The request asks for the reasoning.",
        "recommendedModel": "claude-opus-4.8",
    }
    simulator.script({"refusal": details}, {"refusal": details, "text": "Well", "credits": 0.1})
    found = events(client.chat(binding="json-rpc").body)
    assert [kind for kind, _ in found] == [
        "initial-response",
        "metadataEvent",
        "contextUsageEvent",
        "meteringEvent",
    ]
    metadata = {"stopReason": "CONTENT_FILTERED", "stopDetails": {"refusal": details}}
    assert found[1][1] == metadata
    assert found[3][1]["usage"] == 0
    late = dict(events(client.chat().body))
    assert (late["metadataEvent"], late["meteringEvent"]["usage"]) == (metadata, 0.1)
    assert late["assistantResponseEvent"] == {"content": "Well"}


@pytest.mark.parametrize("reason", ["PAUSE_TURN", "UNKNOWN", "SOMETHING_NEW"])
def test_any_stop_reason(client: Client, simulator: Simulator, reason: str) -> None:
    simulator.script({"text": "x", "stop_reason": reason})
    assert ("metadataEvent", {"stopReason": reason}) in tail(client)


def test_the_tail_may_be_missing(client: Client, simulator: Simulator) -> None:
    simulator.script({"text": "x", "omit": "tail"}, {"empty": True})
    assert events(client.chat(binding="json-rpc").body)[1:] == [
        ("assistantResponseEvent", {"content": "x"})
    ]
    answer = client.chat(binding="json-rpc")
    assert (answer.status, answer.body) == (200, b"")


def test_a_model_tag_and_a_citation(client: Client, simulator: Simulator) -> None:
    cited = {"source": "Report", "title": "t", "location": {}, "sourceContent": [{"text": "s"}]}
    simulator.script(
        {
            "text": ["a", "b"],
            "event": {"type": "documentCitationEvent", "payload": cited},
            "model_tag": "opaque",
        }
    )
    found = events(client.chat(binding="json-rpc").body)[1:4]
    assert found == [
        ("assistantResponseEvent", {"content": "a", "modelTag": "opaque"}),
        ("assistantResponseEvent", {"content": "b"}),
        ("documentCitationEvent", cited),
    ]


def test_silence_after_the_last_event(simulator: Simulator) -> None:
    simulator.script({"text": "x", "stall": {"after": "end"}, "omit": ["contextUsageEvent"]})
    connection = open_chat(simulator)
    data = b""
    while b"meteringEvent" not in data or not data.endswith(b"\r\n"):
        data += connection.recv(65536)
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.close()
    [seen] = simulator.wait_for(lambda seen: seen if seen[0].ended_at else None)
    assert (seen.outcome, seen.events_sent) == ("client_closed", 3)


def test_silence_may_end(client: Client, simulator: Simulator) -> None:
    simulator.script({"text": "x", "stall": {"after": "end", "seconds": 0.2}})
    start = time.monotonic()
    answer = client.chat()
    assert time.monotonic() - start >= 0.2
    assert len(events(answer.body)) == 4
