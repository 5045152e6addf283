"""What a user notices of refusals, request fields and ids: the headers, and what is sent."""

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

CLAUDE, GPT = "claude-opus-4-8", "gpt-5.6-sol"
HELLO = {"role": "user", "content": "Hello"}
AND = {"role": "user", "content": "And?"}


@pytest.fixture(scope="module")
def own_gateway(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose workers have learnt nothing from other tests."""
    running = Gateway(simulator.url, tmp_path_factory.mktemp("refusals"), WEB_CONCURRENCY="1")
    yield running
    running.stop()


class User:
    """A client of the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.url = gateway.url

    def ask(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
        given = {"x-api-key": KEY, **(headers or {})}
        return requests.post(self.url + path, json=body, headers=given, timeout=30)

    def message(self, *turns: Any, model: str = CLAUDE, **members: Any) -> Any:
        body = {"model": model, "max_tokens": 32_000, "messages": turns or (HELLO,), **members}
        return self.ask("/v1/messages", **body)


@pytest.fixture
def user(own_gateway: Gateway) -> User:
    return User(own_gateway)


def sent(upstream: Simulator) -> list[Any]:
    return [seen.body for seen in upstream.requests if seen.operation == CHAT]


def listed(answer: Any, name: str) -> set[str]:
    assert answer.status_code == 200, answer.text
    return set(filter(None, answer.headers.get(f"x-kiro-{name}", "").replace(" ", "").split(",")))


def fields(upstream: Simulator) -> Any:
    return sent(upstream)[-1].get("additionalModelRequestFields")


@pytest.mark.parametrize("effort", ["xhigh", "none"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_an_effort_alone_makes_a_claude_model_think(
    user: User, upstream: Simulator, path: str, effort: str
) -> None:
    chat = "chat" in path
    asked: dict[str, Any] = {"messages": [HELLO]} if chat else {"input": "Hello"}
    asked |= {"reasoning_effort": effort} if chat else {"reasoning": {"effort": effort}}
    answer = user.ask(path, model=CLAUDE, **asked)
    assert listed(answer, "ignored") == set()
    thinking = fields(upstream)["thinking"]["type"]
    assert thinking == ("adaptive" if effort == "xhigh" else "disabled")
    assert fields(upstream).get("output_config") == (
        {"effort": "xhigh"} if effort == "xhigh" else None
    )


def test_thinking_that_cannot_be_switched_off_is_said(user: User, upstream: Simulator) -> None:
    answer = user.message(model="claude-opus-5-5", thinking={"type": "disabled"})
    assert listed(answer, "ignored") == {"thinking"}
    assert fields(upstream) == {"output_config": {"effort": "low"}, "max_tokens": 32_000}


@pytest.mark.parametrize(("limit", "sent"), [(32_000, {"max_tokens": 32_000}), (100, None)])
def test_the_limit_of_the_answer_is_sent_or_kept_here(
    user: User, upstream: Simulator, limit: int, sent: dict[str, int] | None
) -> None:
    answer = user.message(max_tokens=limit)
    assert listed(answer, "ignored") == set()
    assert fields(upstream) == sent


@pytest.mark.parametrize("stream", [True, False])
def test_a_refused_field_is_left_out_and_named(
    user: User, upstream: Simulator, stream: bool
) -> None:
    message = "Invalid additionalModelRequestFields: property 'effort' is not defined in the schema"
    fault = {"status": 400, "type": "ValidationException", "reason": "REQUEST_BODY_INVALID"}
    upstream.script({"fail": fault | {"message": message}}, {"text": ["hi"]})
    model = "claude-opus-4-7" if stream else "claude-opus-4-6"
    answer = user.message(model=model, stream=stream, output_config={"effort": "low"})
    assert listed(answer, "ignored") == {"effort"}
    assert "hi" in answer.text


def test_reasoning_of_another_family_is_not_sent(user: User, upstream: Simulator) -> None:
    upstream.configure_rules(signatures=True)
    thought = {"think": {"text": ["Hm."], "signature": True}, "text": ["Hi"]}
    upstream.script(thought, *[{"text": ["more"]}] * 2)
    first = user.message(model=GPT, thinking={"type": "adaptive"})
    turns = (HELLO, {"role": "assistant", "content": first.json()["content"]}, AND)
    assert [block["type"] for block in first.json()["content"]] == ["thinking", "text"]
    same, other = user.message(*turns, model=GPT), user.message(*turns, model=CLAUDE)
    assert listed(same, "repairs") == set()
    assert listed(other, "repairs") == {"drop-foreign-thinking"}
    _, to_gpt, to_claude = (body["conversationState"]["history"] for body in sent_again(upstream))
    reasoning = to_gpt[-1]["assistantResponseMessage"]["reasoningContent"]["reasoningText"]
    assert b64decode(reasoning["signature"], validate=True).startswith(b"sim-signature:gpt")
    assert "reasoningContent" not in to_claude[-1]["assistantResponseMessage"]


def sent_again(upstream: Simulator) -> list[Any]:
    first, *others = sent(upstream)
    return [first | {"conversationState": {"history": []}}, *others]


def test_a_refused_signature_is_stripped_and_named(user: User, upstream: Simulator) -> None:
    upstream.configure_rules(signatures=True)
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    turn = {"role": "assistant", "content": [thought, {"type": "text", "text": "Hi"}]}
    assert "strip-thinking" in listed(user.message(HELLO, turn, AND), "repairs")
    assert "reasoningContent" not in str(sent(upstream)[-1])


def ids(upstream: Simulator) -> list[str]:
    return [body["conversationState"]["conversationId"] for body in sent(upstream)]


def test_a_client_without_sessions_keeps_its_conversation(user: User, upstream: Simulator) -> None:
    answer = {"role": "assistant", "content": "Hi"}
    for turns in ((HELLO,), (HELLO, answer, AND), (AND,)):
        listed(user.message(*turns), "repairs")
    first, second, other = ids(upstream)
    assert first == second != other


def test_sub_agents_and_titles_have_conversations_of_their_own(
    user: User, upstream: Simulator
) -> None:
    """docs/upstream.md: The cache of GPT models is keyed by the conversation's id"""
    session, agent = {"x-claude-code-session-id": "s"}, {"x-claude-code-agent-id": "a"}
    tools = [{"name": "Read", "input_schema": {"type": "object"}}]
    asked = {"model": CLAUDE, "max_tokens": 9, "messages": [HELLO]}
    for headers, members in (
        (session, {"tools": tools, "system": "You are an agent."}),
        (session | agent, {"tools": tools, "system": "You are a sub-agent."}),
        (session, {"system": "Generate a title."}),
        (session, {"tools": tools, "system": "You are an agent."}),
    ):
        listed(user.ask("/v1/messages", headers, **asked, **members), "repairs")
    main, sub_agent, title, again = ids(upstream)
    assert main == again
    assert len({main, sub_agent, title}) == 3
