"""Scripts and directives produce exactly the answers that they describe."""

import base64
import json
from typing import Any

import pytest

from app.simulator import Simulator
from app.simulator.answers.parse import parse
from app.simulator.answers.typed_form import ScriptError
from app.simulator.answers.vocabulary import TextPart
from app.simulator.catalogue.faults import NAMED
from tests.simulator.client import (
    TOKEN,
    Client,
    assistant,
    call,
    chat_body,
    events,
    result,
    text_of,
    tool,
    user,
)


def content_events(client: Client, form: Any, binding: str = "rest") -> list[tuple[str, Any]]:
    """Return the content events of one scripted answer."""
    answer = client.send("POST", "/__sim/script", {"bare": True, **form})
    assert answer.status == 200, answer.body
    return events(client.chat(binding=binding).body)


@pytest.mark.parametrize("name", sorted(NAMED))
@pytest.mark.parametrize("binding", ["rest", "json-rpc"])
def test_every_named_fault_is_answered_as_the_table_says(
    client: Client, simulator: Simulator, name: str, binding: str
) -> None:
    fault = NAMED[name]
    simulator.script({"fail": name})
    answer = client.chat(binding=binding)
    assert answer.status == fault.status
    if fault.body is not None:
        assert answer.body == fault.body.encode()
        return
    kind = answer.headers["x-amzn-errortype"] if binding == "rest" else answer.json["__type"]
    assert fault.type in kind
    assert answer.json.get("message", "") == fault.message
    assert answer.json.get("reason") == fault.reason


def test_any_status_body_and_header(client: Client, simulator: Simulator) -> None:
    simulator.script(
        {"fail": {"status": 418, "body": {"error": {"reason": "TEA"}}, "headers": {"x-a": "b"}}},
        {"fail": {"fault": "throttled", "headers": {"Retry-After": "7"}}},
        {"fail": {"status": 500, "body": "plain words"}},
    )
    answer = client.chat()
    assert (answer.status, answer.json) == (418, {"error": {"reason": "TEA"}})
    assert answer.headers["x-a"] == "b"
    answer = client.chat()
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert client.chat().body == b"plain words"


def test_thinking_with_signature_and_redacted_content(client: Client) -> None:
    form = {"text": ["hm", "hm"], "signature": "c2ln", "redacted": "AAAA"}
    assert content_events(client, {"think": form, "text": "so"}) == [
        ("reasoningContentEvent", {"text": "hm"}),
        ("reasoningContentEvent", {"text": "hm"}),
        ("reasoningContentEvent", {"signature": "c2ln"}),
        ("reasoningContentEvent", {"redactedContent": "AAAA"}),
        ("assistantResponseEvent", {"content": "so"}),
    ]


def test_tools_whole_cut_short_without_input_and_interleaved(client: Client) -> None:
    a, b = {"toolUseId": "A", "name": "a"}, {"toolUseId": "B", "name": "b"}
    assert content_events(
        client, {"tool": {"name": "a", "id": "A", "stop": False, "fragments": ["{"]}}
    ) == [
        ("toolUseEvent", a),
        ("toolUseEvent", a | {"input": "{"}),
    ]
    assert content_events(
        client, {"tools": [{"name": "a", "id": "A"}, {"name": "b", "id": "B"}]}
    ) == [
        ("toolUseEvent", a),
        ("toolUseEvent", a | {"stop": True}),
        ("toolUseEvent", b),
        ("toolUseEvent", b | {"stop": True}),
    ]
    first = {"name": "a", "id": "A", "input": {"x": 1}, "first_has_input": True}
    assert content_events(client, {"interleaved": [first, {"name": "b", "id": "B"}]}) == [
        ("toolUseEvent", a | {"input": '{"x": 1}'}),
        ("toolUseEvent", b),
        ("toolUseEvent", a | {"stop": True}),
        ("toolUseEvent", b | {"stop": True}),
    ]


def test_parts_in_any_order_unknown_events_and_raw_bytes(client: Client) -> None:
    from app.simulator.wire import frames

    raw = base64.b64encode(frames.event("rawEvent", {})).decode()
    said = [{"text": "a"}, {"event": {"type": "newEvent", "payload": [1]}}, {"raw": raw}]
    assert content_events(client, {"say": [*said, {"text": "b"}]}) == [
        ("assistantResponseEvent", {"content": "a"}),
        ("newEvent", [1]),
        ("rawEvent", {}),
        ("assistantResponseEvent", {"content": "b"}),
    ]


def test_exceptions_and_errors_end_the_stream(client: Client, simulator: Simulator) -> None:
    simulator.script(
        {"text": "par", "exception": "insufficient_capacity"},
        {"say": [{"error": {"code": "X", "message": "boom"}}, {"text": "never"}]},
    )
    assert events(client.chat().body)[1:] == [
        ("assistantResponseEvent", {"content": "par"}),
        (
            "ThrottlingException",
            {
                "message": NAMED["insufficient_capacity"].message,
                "reason": "INSUFFICIENT_MODEL_CAPACITY",
            },
        ),
    ]
    assert events(client.chat().body)[1:] == [("X", "boom")]


def test_the_events_around_the_content_can_be_set(client: Client, simulator: Simulator) -> None:
    usage = {"uncachedInputTokens": 1, "outputTokens": 2, "totalTokens": 3}
    simulator.script(
        {
            "text": "x",
            "model_id": "m",
            "credits": 0.5,
            "context_usage": 42.5,
            "stop_reason": "MAX_TOKENS",
            "usage": usage,
            "omit": ["messageMetadataEvent"],
        }
    )
    assert events(client.chat().body) == [
        ("assistantResponseEvent", {"content": "x", "modelId": "m"}),
        ("meteringEvent", {"usage": 0.5, "unit": "credit", "unitPlural": "credits"}),
        ("contextUsageEvent", {"contextUsagePercentage": 42.5}),
        ("metadataEvent", {"tokenUsage": usage, "stopReason": "MAX_TOKENS"}),
    ]


def test_scripts_serve_matching_requests_in_order_and_as_often_as_given(
    simulator: Simulator,
) -> None:
    simulator.configure_tokens(declare=["other"])
    simulator.script(
        {"text": "for other", "match": {"bearer": "other"}},
        {"text": "about cats", "match": {"text": "cat"}},
        {"text": "twice", "times": 2},
        {"text": "for ever", "times": None},
    )
    client, other = Client(simulator), Client(simulator, token="other")
    said = [text_of(client.chat().body) for _ in range(2)]
    said += [text_of(client.chat(chat_body(user("a cat"))).body) for _ in range(2)]
    said += [text_of(other.chat().body) for _ in range(2)]
    assert said == ["twice", "twice", "about cats", "for ever", "for other", "for ever"]
    simulator.reset()
    assert "simulator" in text_of(client.chat().body)


def test_a_refused_request_does_not_use_up_a_script(client: Client, simulator: Simulator) -> None:
    simulator.script({"text": "kept"})
    assert client.chat(chat_body(user(""))).status == 400
    simulator.configure_tokens(expire=[TOKEN])
    assert client.chat().status == 403
    simulator.configure_tokens(declare=[TOKEN])
    assert text_of(client.chat().body) == "kept"


def test_other_operations_can_be_scripted_to_fail(client: Client, simulator: Simulator) -> None:
    simulator.script(
        {"fail": "throttled", "match": {"operation": "ListAvailableModels"}},
        {"fail": "social_dead_401", "match": {"operation": "/refreshToken"}},
        {"reset": "request", "match": {"operation": "/refreshToken"}},
    )
    authorized = {"authorization": f"Bearer {TOKEN}"}
    path = "/ListAvailableModels?origin=AI_EDITOR"
    assert client.send("GET", path, headers=authorized).status == 429
    assert client.send("GET", path, headers=authorized).status == 200
    refresh = {"refreshToken": "r" * 120}
    assert client.send("POST", "/refreshToken", refresh).status == 401
    with pytest.raises(ConnectionResetError):
        client.send("POST", "/refreshToken", refresh)
    client.close()
    assert client.send("POST", "/refreshToken", refresh).status == 401, (
        "the token is spent although its answer was lost"
    )


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("text", "must be an object"),
        ({"txt": "a"}, "no key 'txt'"),
        ({"fail": "nope"}, "no fault is named 'nope'"),
        ({"fail": {"status": "x"}}, "fault.status"),
        ({"fail": {"kind": "x"}}, "no key 'kind'"),
        ({"tool": {"input": {}}}, "name"),
        ({"tool": "read"}, "must be an object"),
        ({"text": 3}, "cannot be read"),
        ({"text": [3]}, "text.deltas"),
        ({"delay": "long"}, "delivery.delay"),
        ({"cut": {"at": "x"}}, "cut.at"),
        ({"cut": 5}, "must be an object"),
        ({"cut": {"at": 5, "how": "softly"}}, "cut.how must be"),
        ({"corrupt": {"part": "tail"}}, "corrupt.part must be"),
        ({"framing": "smoke"}, "delivery.framing must be"),
        ({"reset": "never"}, "delivery.reset must be"),
        ({"frames_per_chunk": 0}, "frames_per_chunk"),
        ({"bytes_per_chunk": 0}, "bytes_per_chunk"),
        ({"say": [{"text": "a", "tool": {}}]}, "exactly one of"),
        ({"say": [{"text": "a"}], "text": "b"}, "either say or"),
        ({"times": 0}, "times"),
        ({"fail": "throttled", "cut": {"at": 1}}, "cut would have no effect"),
        ({"fail": "throttled", "text": "a"}, "text would have no effect"),
        ({"fail": "throttled", "reset": "head"}, "reset .* no effect"),
        ({"text": "a", "match": {"operation": "GetProfile"}}, "text .* answer to GetProfile"),
        ({"match": {"colour": "red"}}, "no key 'colour'"),
    ],
)
def test_an_invalid_script_is_refused_completely(
    simulator: Simulator, form: Any, says: str
) -> None:
    with pytest.raises(ScriptError, match=says):
        simulator.script({"text": "good"}, form)
    client = Client(simulator)
    answer = client.send("POST", "/__sim/script", [{"text": "good"}, form])
    assert answer.status == 400
    assert client.send("POST", "/__sim/script", {"text": "a"}).json == {"queued": 1}


def test_text_can_be_repeated() -> None:
    answer = parse({"text": {"repeat": "ab", "times": 2, "deltas": 3}})
    assert answer.say == (TextPart(("abab",) * 3),)


class TestDirectives:
    def offered(self, content: str, history: Any = None, *results: Any) -> dict[str, Any]:
        context: dict[str, Any] = {"tools": [tool("read"), tool("write")]}
        if results:
            context["toolResults"] = list(results)
        return chat_body(user(content, userInputMessageContext=context), history)

    def test_one_prompt_drives_a_task_of_two_tools(self, client: Client) -> None:
        steps = [
            {"tool": {"name": "read", "input": {"path": "a"}}},
            {"text": "now write", "tool": {"name": "write", "input": {}}},
            {"text": "all done"},
        ]
        prompt = (
            "<system-reminder>much text around</system-reminder>\n"
            f"!sim {json.dumps({'steps': steps}, indent=1)}\nand more after it"
        )
        history: list[Any] = []
        current = self.offered(prompt)
        called, said = [], ""
        while True:
            current["conversationState"]["history"] = history
            answer = events(client.chat(current).body)
            uses = [payload for kind, payload in answer if kind == "toolUseEvent"]
            if not uses:
                said = "".join(p["content"] for k, p in answer if k == "assistantResponseEvent")
                break
            called.append(uses[0]["name"])
            id = uses[0]["toolUseId"]
            spoken = current["conversationState"]["currentMessage"]["userInputMessage"]
            context = {
                key: value
                for key, value in spoken["userInputMessageContext"].items()
                if key != "tools"
            }
            turn = {**spoken, "userInputMessageContext": context}
            history = [
                *history,
                {"userInputMessage": turn},
                assistant(toolUses=[call(uses[0]["name"], id)]),
            ]
            current = self.offered("reminder", None, result(id))
        assert (called, said) == (["read", "write"], "all done")

    def test_a_text_follows_the_last_step(self, client: Client) -> None:
        history = [user('!sim {"tool": {"name": "read"}}'), assistant(toolUses=[call()])]
        body = self.offered("", history, result())
        assert "1 tool result" in text_of(client.chat(body).body)

    def test_a_tool_that_is_not_offered_becomes_text(self, client: Client) -> None:
        form = {"tool": {"name": "delete", "id": "D"}, "bare": True}
        answer = client.chat(self.offered(f"!sim {json.dumps(form)}"))
        assert "delete, which is not offered" in text_of(answer.body)
        answer = client.chat(self.offered(f"!sim {json.dumps(form | {'force': True})}"))
        assert events(answer.body)[0] == ("toolUseEvent", {"toolUseId": "D", "name": "delete"})

    def test_only_the_newest_directive_counts_and_only_in_its_turn(self, client: Client) -> None:
        earlier = [user('!sim {"text": "old"}'), assistant("old")]
        body = chat_body(user('!sim {"text": "first"} !sim {"text": "second"}'), earlier)
        assert text_of(client.chat(body).body) == "second"
        assert "Thanks" in text_of(client.chat(chat_body(user("Thanks"), earlier)).body)

    def test_an_answer_repeats_and_then_changes(self, client: Client) -> None:
        form = {"fail": "unavailable_503", "times": 2, "then": {"text": "fine"}}
        body = chat_body(user(f"!sim {json.dumps(form)}"))
        assert [client.chat(body).status for _ in range(6)] == [503, 503, 200] * 2

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ("!sim {oops", "not JSON"),
            ('!sim {"txt": 1}', "txt"),
            ('!sim {"steps": 1}', "a list"),
            ('!sim {"steps": [], "text": "a"}', "the only key"),
        ],
    )
    def test_an_invalid_directive_is_refused_with_the_reason(
        self, client: Client, words: str, says: str
    ) -> None:
        answer = client.chat(chat_body(user(words)))
        assert (answer.status, answer.headers["x-sim-violation"]) == (400, "directive")
        assert says in answer.json["message"]

    def test_a_mention_of_the_marker_is_not_a_directive(self, client: Client) -> None:
        assert client.chat(chat_body(user("what is !sim and !simple {}"))).status == 200
