"""What is changed after a refusal, seen at a simulated upstream over real sockets."""

import json
import logging
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest

from app.catalogue.choice import ModelChoice
from app.codewhisperer import memory
from app.codewhisperer.client import Client
from app.codewhisperer.memory import Memory
from app.codewhisperer.remedies import REMEDIES, SHORT_DESCRIPTION, Applied
from app.codewhisperer.service.hosts import Host
from app.codewhisperer.upstream import CodeWhisperer
from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from app.credentials import AuthKind, Token
from app.gateway import Gateway, GatewayCall
from app.models.model import FieldSchema, Model
from app.models.names import Resolution
from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.media import PDF, PNG
from tests.test_gateway import Hosts, Logins, answer, failure, host

MODEL = Model(
    "claude-opus-4-8",
    "Opus",
    "claude-opus-4.8",
    fields=FieldSchema(
        thinking=("adaptive", "disabled"),
        display=("summarized", "omitted"),
        efforts=("low", "high"),
        max_tokens=(1024, 64_000),
    ),
)
THINKS = Reasoning(enabled=True, effort="high")
UNSUPPORTED = "additionalModelRequestFields is not supported for this model"
UNDEFINED = (
    "Invalid additionalModelRequestFields: property 'max_tokens' is not defined in the schema and"
    " the schema does not allow additional properties"
)
BELOW = "Invalid additionalModelRequestFields: must have a minimum value of 1024.0"
TYPE = (
    "Invalid additionalModelRequestFields: does not have a value in the enumeration [adaptive,"
    " between_tools]"
)
EFFORT = (
    "Invalid additionalModelRequestFields: does not have a value in the enumeration [low, medium]"
)
ODD = "Invalid additionalModelRequestFields: no words that are known"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"path": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "n": {"enum": [1]}},
}
LONG = Tool("Read", "x" * 2000, SCHEMA)


def refusal(message: str, reason: str | None = "REQUEST_BODY_INVALID") -> dict[str, Any]:
    fault = {"status": 400, "type": "ValidationException", "message": message, "reason": reason}
    return {"fail": fault}


GOOD = {"text": ["hi"]}


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator(tokens=("one", "two")) as running:
        yield running


@pytest.fixture
def service(upstream: Simulator) -> CodeWhisperer:
    return _service(host(upstream.url))


def _service(*hosts: Host) -> CodeWhisperer:
    return CodeWhisperer(
        Client(connections=5, connect_timeout=2, user_agent="test"),
        Hosts(*hosts),
        idle=20,
        ping=20,
        max_tool_description=10_000,
    )


class OneModel(ModelChoice):
    """The model of the test, whatever the name."""

    def __init__(self, model: Model) -> None:
        super().__init__(default="claude-sonnet-4-5", aliases={})
        self.model = model

    def choose(self, name: str) -> Resolution:
        return Resolution(name, self.model)


Ask = Callable[..., GatewayCall]


@pytest.fixture
def ask(service: CodeWhisperer) -> Iterator[Ask]:
    opened: list[GatewayCall] = []

    def run(
        *parts: Part,
        own: CodeWhisperer | None = None,
        model: Model = MODEL,
        logins: Any = None,
        turns: tuple[Message, ...] = (),
        **members: Any,
    ) -> GatewayCall:
        gateway = Gateway(
            upstream=own or service,
            credentials=logins or Logins("one"),  # type: ignore[arg-type]
            models=OneModel(model),
            first_event=20,
            total=inf,
            sleep=lambda seconds: None,
        )
        said = turns or (Message("user", (Text("Hello"),)),)
        if parts:
            said += (Message("assistant", parts), Message("user", (Text("And?"),)))
        opened.append(gateway.open(Conversation("claude-opus-4-8", said, **members)))
        return opened[-1]

    yield run
    for call in opened:
        call.close()


def bodies(upstream: Simulator) -> list[Any]:
    return [seen.body for seen in upstream.requests if seen.operation == CHAT]


def sent_fields(upstream: Simulator) -> list[set[str]]:
    return [set(body.get("additionalModelRequestFields", ())) for body in bodies(upstream)]


ALL = {"thinking", "output_config", "max_tokens"}


@pytest.mark.parametrize(
    ("message", "kept", "ignored"),
    [
        (UNSUPPORTED, set(), ("thinking", "effort")),
        (UNDEFINED, ALL - {"max_tokens"}, ()),
        (BELOW, ALL - {"max_tokens"}, ()),
        (TYPE, ALL - {"thinking"}, ("thinking",)),
        (EFFORT, ALL - {"output_config"}, ("effort",)),
        (ODD, set(), ("thinking", "effort")),
    ],
)
def test_a_field_that_is_refused_is_left_out_and_that_is_remembered(
    upstream: Simulator,
    ask: Ask,
    caplog: pytest.LogCaptureFixture,
    message: str,
    kept: set[str],
    ignored: tuple[str, ...],
) -> None:
    """docs/upstream.md: How a refusal of request fields looks"""
    upstream.script(refusal(message), GOOD, GOOD)
    with caplog.at_level(logging.WARNING):
        call = ask(reasoning=THINKS, max_tokens=32_000)
        assert answer(call) == "hi"
    assert sent_fields(upstream) == [ALL, kept]
    assert call.ignored == ignored
    (line,) = [record.getMessage() for record in caplog.records]
    assert "remedy drop-field" in line
    again = ask(reasoning=THINKS, max_tokens=32_000)
    assert answer(again) == "hi"
    assert sent_fields(upstream)[2:] == [kept]
    assert again.ignored == ignored
    assert len(caplog.records) == 1


def test_of_two_refused_fields_the_second_refusal_drops_all(upstream: Simulator, ask: Ask) -> None:
    upstream.script(refusal(UNDEFINED), refusal(EFFORT), GOOD)
    assert answer(ask(reasoning=THINKS, max_tokens=32_000)) == "hi"
    assert sent_fields(upstream) == [ALL, ALL - {"max_tokens"}, set()]


def test_a_service_that_refuses_whatever_is_sent_is_asked_three_times(
    upstream: Simulator, ask: Ask
) -> None:
    upstream.script({**refusal(UNDEFINED), "times": 9})
    error = failure(ask(reasoning=THINKS, max_tokens=32_000))
    assert error.kind is Kind.REJECTED
    assert "max_tokens" in error.message
    assert len(bodies(upstream)) == 3


def test_what_did_not_help_is_not_remembered(upstream: Simulator, ask: Ask) -> None:
    upstream.script({**refusal(UNSUPPORTED), "times": 2}, GOOD)
    failure(ask(reasoning=THINKS))
    assert answer(ask(reasoning=THINKS)) == "hi"
    assert sent_fields(upstream)[2] == {"thinking", "output_config"}


def test_another_account_starts_with_all_fields(upstream: Simulator, ask: Ask) -> None:
    """What one account learnt is not known of another, and each may try the remedy."""
    throttled = {"fail": {"fault": "throttled", "headers": {"retry-after": "60"}}}
    upstream.script(refusal(UNSUPPORTED), throttled, refusal(UNSUPPORTED), GOOD)
    assert answer(ask(reasoning=THINKS, logins=Logins("one", "two"))) == "hi"
    both = {"thinking", "output_config"}
    assert sent_fields(upstream) == [both, set(), both, set()]


SIGNED = (Thinking("hm", "signed"), Text("Hi"))


def reasoning_in(body: Any) -> list[Any]:
    turns = body["conversationState"].get("history", [])
    found = [turn.get("assistantResponseMessage", {}).get("reasoningContent") for turn in turns]
    return [one for one in found if one]


@pytest.mark.parametrize(
    "message", ["The signature is invalid.", "messages.1: Invalid `signature` in `thinking` block"]
)
@pytest.mark.parametrize("part", [SIGNED[0], RedactedThinking("AAAA")])
def test_a_signature_that_is_refused(
    upstream: Simulator, ask: Ask, message: str, part: Part
) -> None:
    """docs/upstream.md: Signatures of reasoning are checked"""
    reason = "THINKING_SIGNATURE_INVALID" if "block" not in message else None
    upstream.script(refusal(message, reason), GOOD, GOOD, GOOD)
    call = ask(part, Text("Hi"), session="s")
    assert answer(call) == "hi"
    assert [len(reasoning_in(body)) for body in bodies(upstream)] == [1, 0]
    assert call.repairs == ("strip-thinking",)
    later = ask(part, Text("Hi"), session="s")
    assert (answer(later), later.repairs) == ("hi", ("strip-thinking",))
    other = ask(part, Text("Hi"), session="t")
    assert (answer(other), other.repairs) == ("hi", ())
    assert [len(reasoning_in(body)) for body in bodies(upstream)] == [1, 0, 0, 1]


def test_a_signature_is_not_the_cause_without_reasoning(upstream: Simulator, ask: Ask) -> None:
    upstream.script(refusal("The signature is invalid.", "THINKING_SIGNATURE_INVALID"))
    assert failure(ask()).code == "THINKING_SIGNATURE_INVALID"
    assert len(bodies(upstream)) == 1


def specification(body: Any) -> Any:
    message = body["conversationState"]["currentMessage"]["userInputMessage"]
    return message["userInputMessageContext"]["tools"][0]["toolSpecification"]


def test_schemas_that_are_refused_are_simplified(upstream: Simulator, ask: Ask) -> None:
    """docs/upstream.md: One schema of a tool can fail the request"""
    upstream.script({"fail": "tool_schema_invalid"}, GOOD)
    call = ask(tools=(Tool("Read", "Reads", SCHEMA),))
    assert answer(call) == "hi"
    usual, simple = (specification(body)["inputSchema"]["json"] for body in bodies(upstream))
    assert usual == SCHEMA
    assert simple == {"type": "object", "properties": {"path": {}, "n": {}}}
    assert call.repairs == ("simplify-schema",)


@pytest.mark.parametrize("fault", ["improperly_formed", "body_invalid"])
def test_long_descriptions_are_moved_out_of_the_way(
    upstream: Simulator, ask: Ask, fault: str
) -> None:
    """docs/upstream.md: Improperly formed has many causes"""
    upstream.script({"fail": fault}, GOOD)
    call = ask(tools=(LONG,))
    assert answer(call) == "hi"
    first, second = bodies(upstream)
    assert len(specification(first)["description"]) == 2000
    assert len(specification(second)["description"]) <= SHORT_DESCRIPTION
    assert "x" * 2000 in json.dumps(second["conversationState"]["history"])
    assert call.repairs == ("move-long-description",)


def reason(name: str) -> dict[str, Any]:
    return refusal("No.", name)


def report(title: str) -> Message:
    document = Document(None, title, "pdf", PDF, f"messages.0.{title}")
    return Message("user", (Text("Read."), document))


OK = Message("assistant", (Text("ok"),))


def sent_documents(body: Any) -> list[int]:
    """How many documents each of the user's messages has."""
    state = body["conversationState"]
    turns = [*state.get("history", ()), state["currentMessage"]]
    users = (turn["userInputMessage"] for turn in turns if "userInputMessage" in turn)
    return [len(user.get("documents", ())) for user in users]


def test_documents_of_earlier_turns_are_left_out_where_there_are_too_many(
    upstream: Simulator, ask: Ask
) -> None:
    """docs/upstream.md: How many documents"""
    upstream.script(reason("DOCUMENT_COUNT_EXCEEDED"), GOOD, GOOD)
    turns = (report("a"), OK, report("b"))
    call = ask(turns=turns, session="s")
    assert answer(call) == "hi"
    assert call.repairs == ("limit-documents",)
    assert answer(ask(turns=(*turns, OK, report("c")), session="s")) == "hi"
    assert [sent_documents(body) for body in bodies(upstream)] == [[1, 1], [0, 1], [0, 0, 1]]


def test_documents_of_the_current_turn_alone_can_be_too_many(upstream: Simulator, ask: Ask) -> None:
    upstream.script(reason("DOCUMENT_COUNT_EXCEEDED"))
    refused = failure(ask(turns=(report("a"),)))
    assert refused.kind is Kind.REJECTED
    assert refused.message.endswith('Could not process pdf "a" (messages.0.a).')
    assert len(bodies(upstream)) == 1


def test_a_refused_document_is_named_also_from_inside_the_stream(
    upstream: Simulator, ask: Ask
) -> None:
    """docs/upstream.md: Refusals of documents"""
    body = {"message": "No.", "reason": "DOCUMENT_SIZE_EXCEEDED"}
    upstream.script({"exception": {"type": "ValidationException", **body}})
    assert failure(ask(turns=(report("a"),))).field == "messages.0.a"


def looked(call_id: str) -> tuple[Message, ...]:
    """An image that a tool made."""
    call, result = ToolCall(call_id, "Look", {}), ToolResult(call_id, (Image("png", PNG),))
    return Message("assistant", (call,)), Message("user", (result,))


def images(body: Any) -> int:
    return json.dumps(body).count('"images"')


def test_images_of_tools_that_the_service_refuses_are_told_to_the_model(
    upstream: Simulator, ask: Ask
) -> None:
    """Later ones of the same conversation are sent again.

    docs/upstream.md: Formats of images
    """
    upstream.script(reason("IMAGE_FORMAT_UNSUPPORTED"), GOOD, GOOD)
    turns = (Message("user", (Text("Look."),)), *looked("1"))
    call = ask(turns=turns, session="s")
    assert answer(call) == "hi"
    assert "describe-tool-image" in call.repairs
    assert answer(ask(turns=(*turns, *looked("2")), session="s")) == "hi"
    first, second, third = bodies(upstream)
    assert (images(first), images(second), images(third)) == (1, 0, 1)
    assert "[image left out: the service refused it]" in json.dumps(second)


def test_an_image_of_the_user_that_is_refused_is_not_left_out(
    upstream: Simulator, ask: Ask
) -> None:
    upstream.script(reason("IMAGE_FORMAT_UNSUPPORTED"))
    refused = failure(ask(turns=(Message("user", (Image("png", PNG), Text("Look."))),)))
    assert refused.kind is Kind.REJECTED
    assert len(bodies(upstream)) == 1


def test_a_simple_request_that_is_malformed_is_refused_at_once(
    upstream: Simulator, ask: Ask
) -> None:
    upstream.script({"fail": "improperly_formed"})
    error = failure(ask())
    assert (error.kind, error.code) == (Kind.REJECTED, "improperly_formed")
    assert "KIRO_REGION" in error.message
    assert len(bodies(upstream)) == 1


# Where it is sent

PROFILE = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


class Regions(Hosts):
    """One host in each region; the setting names the wrong one."""

    def first(self, account_region: str | None) -> Host:
        return self.hosts[0]

    def _candidates(self, region: str) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.region == region)


def in_region(region: str, url: str) -> Host:
    return Host("q", region, url, url, "rest", "AI_EDITOR")


class OneLogin(Logins):
    """An account with a profile."""

    def __init__(self) -> None:
        super().__init__("one")
        self.tokens = [Token("one", AuthKind.IDC, PROFILE, "eu-central-1", "o", inf)]


def test_a_host_in_another_region_than_the_profiles(
    upstream: Simulator, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """docs/upstream.md: Improperly formed has many causes"""
    with Simulator(tokens=("one",)) as right:
        own = _service(in_region("us-east-1", upstream.url), in_region("eu-central-1", right.url))
        own.hosts.__class__ = Regions
        upstream.script({"fail": "improperly_formed"})
        with caplog.at_level(logging.WARNING):
            assert answer(ask(own=own, tools=(LONG,), logins=OneLogin()))
        assert answer(ask(own=own, logins=OneLogin()))
        assert (len(bodies(upstream)), len(bodies(right))) == (1, 2)
        assert len(specification(bodies(right)[0])["description"]) == 2000
    assert "region-of-profile: eu-central-1" in caplog.text


def test_a_model_that_the_newest_host_lacks_is_asked_of_an_older_one(
    upstream: Simulator, ask: Ask
) -> None:
    """docs/upstream.md: A host may lack a listed model"""
    with Simulator(tokens=("one",)) as older:
        own = _service(host(upstream.url, "kiro"), host(older.url, "q"))
        upstream.script({"fail": "invalid_model"}, GOOD)
        assert answer(ask(own=own))
        assert answer(ask(own=own))
        assert (len(bodies(upstream)), len(bodies(older))) == (1, 2)
        other = Model("claude-opus-4-7", "Opus", "claude-opus-4.7")
        assert answer(ask(own=own, model=other)) == "hi"  # which the newest host has
        assert (len(bodies(upstream)), len(bodies(older))) == (2, 2)


def test_a_model_that_no_host_has_is_refused(upstream: Simulator, ask: Ask) -> None:
    own = _service(host(upstream.url, "kiro"), host(upstream.url, "q"))
    upstream.script({"fail": "invalid_model", "times": 5})
    assert failure(ask(own=own)).kind is Kind.INVALID_MODEL
    assert len(bodies(upstream)) == 3  # the older host once more, after the list was read again


def test_nothing_is_tried_again_after_content(upstream: Simulator, ask: Ask) -> None:
    upstream.script({"text": ["Hel"], "exception": "improperly_formed"}, GOOD)
    call = ask(tools=(LONG,))
    assert call.wait(20)
    with pytest.raises(GatewayError):
        list(call.batches())
    assert len(bodies(upstream)) == 1


def test_a_refusal_inside_the_stream_before_content(upstream: Simulator, ask: Ask) -> None:
    upstream.script({"exception": "improperly_formed"}, GOOD)
    assert answer(ask(tools=(LONG,))) == "hi"


# The memory


def test_the_memory_ends_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    known = Memory(lambda: now[0])
    applied = Applied(REMEDIES[0], "thinking")
    assert known.learn("a", applied)
    assert not known.learn("a", applied)
    assert known.learn("a", Applied(REMEDIES[0], "effort"))  # what is newer of one remedy counts
    assert known.recall(["a", "b"]) == [Applied(REMEDIES[0], "effort")]
    now[0] = memory.SECONDS + 1
    assert known.recall(["a"]) == []
    monkeypatch.setattr(memory, "MOST", 3)
    for key in range(5):
        known.learn(key, applied)
    assert [key for key in range(5) if known.recall([key])] == [2, 3, 4]
