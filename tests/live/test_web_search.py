"""Web search, run by the gateway: the official SDKs as clients, in all three dialects."""

import json
from typing import Any

import anthropic
import openai
import pytest
import requests

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway
from tests.live.strict_types import check_event, check_whole, events

MODEL = "claude-sonnet-4-6"
MCP = "InvokeMCP"
TOOL: Any = {"type": "web_search_20250305", "name": "web_search"}
HELLO: Any = [{"role": "user", "content": "What is kiro?"}]
PAGES: Any = [
    {
        "title": "Kiro",
        "url": "https://kiro.dev/about",
        "snippet": "Kiro is an agentic IDE.",
        "publishedDate": 1_764_000_000_000,
    },
    {"title": "Elsewhere", "url": "https://docs.example.com/kiro", "snippet": "Other words."},
]
CITED = 'It is <cite n="1-1">an agentic IDE</cite>, I think.'
PLAIN = "It is an agentic IDE, I think."
pytestmark = pytest.mark.usefixtures("pages")
both = pytest.mark.parametrize("streamed", [False, True])


@pytest.fixture
def pages(upstream: Simulator) -> None:
    upstream.configure_search(results=PAGES)


def searches(query: Any = "what is kiro") -> Any:
    call = {"tool": {"name": "web_search", "input": {"query": query}}}
    return {"say": [{"text": ["Let me see. "]}, call]}


def answers(text: str = CITED) -> Any:
    """In pieces that cut the marks."""
    return {"text": [text[at : at + 7] for at in range(0, len(text), 7)]}


def asked(upstream: Simulator, operation: str = MCP) -> list[Any]:
    seen = [request for request in upstream.requests if request.operation == operation]
    assert [violation for request in seen for violation in request.violations] == []
    return seen


def queries(upstream: Simulator) -> list[str]:
    return [request.body["params"]["arguments"]["query"] for request in asked(upstream)]


def results(upstream: Simulator) -> list[list[Any]]:
    """The results that the model was given, of each call upstream."""
    found = []
    for seen in asked(upstream, CHAT):
        current = seen.body["conversationState"]["currentMessage"]["userInputMessage"]
        context = current.get("userInputMessageContext", {})
        found.append([each["content"][0]["text"] for each in context.get("toolResults", ())])
    return found


def message(gateway: Gateway, streamed: bool, messages: Any = HELLO, **tool: Any) -> Any:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    body: Any = {"model": MODEL, "max_tokens": 999, "messages": messages, "tools": [TOOL | tool]}
    if not streamed:
        return client.messages.create(**body)
    with client.messages.stream(**body) as stream:
        return stream.get_final_message()


@both
def test_messages(gateway: Gateway, upstream: Simulator, streamed: bool) -> None:
    upstream.script(searches(), answers(), {"text": ["Yes."]})
    answer = message(gateway, streamed)
    said, call, result, before, cited, after = answer.content
    assert said.text == "Let me see. "
    assert (call.type, call.name) == ("server_tool_use", "web_search")
    assert call.input == {"query": "what is kiro"}
    assert (result.type, result.tool_use_id) == ("web_search_tool_result", call.id)
    assert [(page.title, page.url, page.page_age) for page in result.content] == [
        ("Kiro", "https://kiro.dev/about", "2025-11-24"),
        ("Elsewhere", "https://docs.example.com/kiro", None),
    ]
    assert before.text + cited.text + after.text == PLAIN
    assert (before.citations, after.citations) == (None, None)
    [source] = cited.citations
    assert (cited.text, source.url, source.title) == ("an agentic IDE", PAGES[0]["url"], "Kiro")
    assert source.cited_text == "Kiro is an agentic IDE."
    assert answer.stop_reason == "end_turn"
    assert answer.usage.server_tool_use.web_search_requests == 1
    assert queries(upstream) == ["what is kiro"]

    followed = [
        *HELLO,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": "Sure?"},
    ]
    assert message(gateway, streamed, followed).content[0].text == "Yes."
    _, before, after = (
        seen.body["conversationState"].get("history") for seen in asked(upstream, CHAT)
    )
    assert after[: len(before)] == before, "the service caches what stays the same"
    assert "an agentic IDE, I think." in json.dumps(after)
    assert len(asked(upstream)) == 1


@both
def test_strict_readers_read_all_of_it(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    bodies: dict[str, tuple[str, Any]] = {
        "messages": ("/v1/messages", {"messages": HELLO, "max_tokens": 99, "tools": [TOOL]}),
        "chat": ("/v1/chat/completions", {"messages": HELLO, "web_search_options": {}}),
        "responses": ("/v1/responses", {"input": "hi", "tools": [{"type": "web_search"}]}),
    }
    for api, (path, body) in bodies.items():
        upstream.script(searches(), searches(3), answers())
        answer = requests.post(
            gateway.url + path,
            json={"model": MODEL, "stream": streamed, **body},
            headers={"x-api-key": KEY},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        if not streamed:
            check_whole(api, answer.json())
            continue
        for name, payload in events(answer.text):
            check_event(api, name, payload)


def completion(gateway: Gateway, streamed: bool, messages: Any = HELLO, **members: Any) -> Any:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    body: Any = {"model": MODEL, "messages": messages, "web_search_options": {}, **members}
    if not streamed:
        return client.chat.completions.create(**body)
    with client.chat.completions.stream(**body) as stream:
        return stream.get_final_completion()


@both
def test_chat_completions(gateway: Gateway, upstream: Simulator, streamed: bool) -> None:
    upstream.script(searches(), answers(), {"text": ["Yes."]})
    answer = completion(gateway, streamed).choices[0]
    said = answer.message.model_dump()
    assert said["content"] == f"Let me see. {PLAIN}"
    assert answer.finish_reason == "stop"
    [annotation] = said["annotations"]
    place = annotation["url_citation"]
    assert said["content"][place["start_index"] : place["end_index"]] == "an agentic IDE"
    assert (place["url"], place["title"]) == (PAGES[0]["url"], "Kiro")
    assert not said.get("tool_calls")
    assert queries(upstream) == ["what is kiro"]

    followed = [*HELLO, said | {"tool_calls": None}, {"role": "user", "content": "Sure?"}]
    again = completion(gateway, streamed, followed).choices[0]
    assert again.message.content == "Yes."


def response(gateway: Gateway, streamed: bool, asked: Any = "What is kiro?", **body: Any) -> Any:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    members: Any = {"model": MODEL, "input": asked, "tools": [{"type": "web_search"}], **body}
    if not streamed:
        return client.responses.create(**members)
    with client.responses.stream(**members) as stream:
        return stream.get_final_response()


@both
def test_responses(gateway: Gateway, upstream: Simulator, streamed: bool) -> None:
    upstream.script(searches(), answers(), {"text": ["Yes."]})
    asked = [{"role": "user", "content": "What is kiro?"}]
    answer = response(gateway, streamed, asked, include=["web_search_call.action.sources"])
    before, call, after = answer.output
    assert before.content[0].text == "Let me see. "
    assert (call.type, call.status, call.action.query) == (
        "web_search_call",
        "completed",
        "what is kiro",
    )
    assert [source.url for source in call.action.sources] == [page["url"] for page in PAGES]
    [part] = after.content
    assert part.text == PLAIN
    [cited] = part.annotations
    assert part.text[cited.start_index : cited.end_index] == "an agentic IDE"
    assert (cited.type, cited.url, cited.title) == ("url_citation", PAGES[0]["url"], "Kiro")
    assert answer.tools[0].type == "web_search"

    followed = [*asked, *(item.to_dict() for item in answer.output)]
    again = response(gateway, streamed, [*followed, {"role": "user", "content": "Sure?"}])
    assert again.output[0].content[0].text == "Yes."
    history = asked_history(upstream)
    assert [turn for turn in history if "toolUses" in json.dumps(turn)]
    assert PAGES[1]["url"] in json.dumps(history)
    assert len(queries(upstream)) == 1


def asked_history(upstream: Simulator) -> list[Any]:
    found: list[Any] = asked(upstream, CHAT)[-1].body["conversationState"]["history"]
    return found


def test_without_the_sources_the_item_has_none(gateway: Gateway, upstream: Simulator) -> None:
    upstream.script(searches(), answers())
    assert response(gateway, True).output[1].action.sources is None


def test_a_stream_tells_of_a_search_before_it_is_over(
    gateway: Gateway, upstream: Simulator
) -> None:
    upstream.script(searches(), answers(), {"delay_head": 20, "match": {"operation": MCP}})
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    tools: Any = [{"type": "web_search"}]
    with client.responses.create(model=MODEL, input="hi", tools=tools, stream=True) as stream:
        for event in stream:
            if event.type == "response.web_search_call.searching":
                break
    gone = upstream.wait_for(
        lambda seen: [one for one in seen if one.operation == MCP and one.outcome != "open"]
    )
    assert gone[0].outcome == "client_closed", "a client that leaves ends the search"
    assert len(asked(upstream, CHAT)) == 1


@both
def test_several_searches_in_one_answer(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    two = {"say": [{"tool": {"name": "web_search", "input": {"query": q}}} for q in ("a", "b")]}
    upstream.script(two, searches("c"), {"text": ['<cite n="2-2,3-1">All.</cite>']})
    answer = message(gateway, streamed)
    kinds = [block.type for block in answer.content]
    pair = ["server_tool_use", "web_search_tool_result"]
    assert kinds == [*pair, *pair, "text", *pair, "text"]
    assert [source.url for source in answer.content[-1].citations] == [
        PAGES[1]["url"],
        PAGES[0]["url"],
    ]
    assert answer.usage.server_tool_use.web_search_requests == 3
    assert queries(upstream) == ["a", "b", "c"]
    assert len(results(upstream)[1]) == 2


CLIENT_TOOL: Any = {"name": "look", "input_schema": {"type": "object"}}


@both
def test_many_searches_end_in_an_answer(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    """OpenAI's clients know no pause, after which they could have the model go on."""
    upstream.script(*[searches()] * 9, answers(PLAIN))
    choice = completion(gateway, streamed).choices[0]
    assert (choice.message.content[-len(PLAIN) :], choice.finish_reason) == (PLAIN, "stop")
    assert len(queries(upstream)) == 8
    upstream.script(*[searches()] * 9, answers(PLAIN))
    answer = response(gateway, streamed)
    assert (answer.output[-1].content[0].text, answer.status) == (PLAIN, "completed")


@both
def test_searches_beside_a_tool_of_the_client(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    """The client has to run its own tool, and sends all of it back with the result."""
    calls: Any = [{"tool": {"name": "look", "input": {}}}]
    upstream.script({"say": [*searches()["say"], *calls]}, answers())
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    tools: Any = [TOOL, CLIENT_TOOL]
    body: Any = {"model": MODEL, "max_tokens": 99, "tools": tools}

    def ask(messages: Any) -> Any:
        if not streamed:
            return client.messages.create(messages=messages, **body)
        with client.messages.stream(messages=messages, **body) as stream:
            return stream.get_final_message()

    answer = ask(HELLO)
    _, _, result, look = answer.content
    assert (result.type, look.type, look.name) == ("web_search_tool_result", "tool_use", "look")
    assert answer.stop_reason == "tool_use"
    done = {"type": "tool_result", "tool_use_id": look.id, "content": "looked"}
    followed = [
        *HELLO,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [done]},
    ]
    cited = next(block for block in ask(followed).content if getattr(block, "citations", None))
    assert cited.citations[0].url == PAGES[0]["url"], "a page of the earlier answer"


@both
def test_a_stop_sequence_is_of_the_text_without_the_marks(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(searches(), answers(), searches(), answers())
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)

    def ask(stop: str) -> Any:
        body: Any = {"model": MODEL, "max_tokens": 99, "tools": [TOOL], "messages": HELLO}
        body["stop_sequences"] = [stop]
        if not streamed:
            return client.messages.create(**body)
        with client.messages.stream(**body) as stream:
            return stream.get_final_message()

    answer = ask("is an agentic")
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "is an agentic")
    assert answer.content[-1].text == "It "
    answer = ask("<cite")
    assert answer.stop_reason == "end_turn"
    assert "".join(block.text for block in answer.content[3:]) == PLAIN


FAILURES: list[tuple[Any, Any, str]] = [
    ({"fail": "feature_not_supported"}, {}, "unavailable"),
    ({"fail": "monthly_quota"}, {}, "too_many_requests"),
    ({}, {"answer": {"error": {"code": -32602, "message": "no"}}}, "invalid_tool_input"),
    ({}, {"text": "no JSON"}, "unavailable"),
    ({}, {"text": " " * 2_000_000}, "unavailable"),
]


@both
@pytest.mark.parametrize(("fault", "changed", "code"), FAILURES)
def test_a_failure_is_told_and_the_answer_goes_on(
    gateway: Gateway, upstream: Simulator, streamed: bool, fault: Any, changed: Any, code: str
) -> None:
    upstream.configure_search(**changed)
    if fault:
        upstream.script(fault | {"match": {"operation": MCP}})
    upstream.script(searches(), {"text": ["I could not search."]})
    answer = message(gateway, streamed)
    _, _, result, text = answer.content
    assert (result.content.type, result.content.error_code) == (
        "web_search_tool_result_error",
        code,
    )
    assert text.text == "I could not search."
    assert answer.usage.server_tool_use.web_search_requests == 0
    assert code in results(upstream)[1][0]
    if not fault:
        upstream.script(searches(), answers())
        items = response(gateway, streamed).output
        assert [item.status for item in items if item.type == "web_search_call"] == ["failed"]


def test_a_failed_search_changes_nothing_for_the_account(
    gateway: Gateway, upstream: Simulator
) -> None:
    upstream.script({"fail": "monthly_quota", "match": {"operation": MCP}}, searches(), answers())
    assert message(gateway, True).stop_reason == "end_turn"
    assert message(gateway, True).stop_reason == "end_turn"


def test_a_token_that_is_refused_is_replaced(gateway: Gateway, upstream: Simulator) -> None:
    upstream.script({"fail": "bearer_invalid", "match": {"operation": MCP}}, searches(), answers())
    answer = message(gateway, True)
    assert [page.title for page in answer.content[2].content] == ["Kiro", "Elsewhere"]
    assert len(queries(upstream)) == 2


@both
def test_the_clients_limits_are_kept(gateway: Gateway, upstream: Simulator, streamed: bool) -> None:
    upstream.script(searches("a"), searches("b"), {"text": ["Enough."]})
    answer = message(gateway, streamed, max_uses=1, allowed_domains=["example.com"])
    first, second = [block for block in answer.content if block.type == "web_search_tool_result"]
    assert [page.url for page in first.content] == [PAGES[1]["url"]]
    assert second.content.error_code == "max_uses_exceeded"
    assert queries(upstream) == ["a"]

    upstream.script(searches("c"), searches("d"), {"text": ["Enough."]})
    filters = {"allowed_domains": ["kiro.dev"]}
    place = {"type": "approximate", "city": "Oslo", "timezone": "Europe/Oslo"}
    tools = [{"type": "web_search", "filters": filters, "user_location": place}]
    sources = ["web_search_call.action.sources"]
    body = {"tools": tools, "include": sources, "max_tool_calls": 1}
    calls = [
        item
        for item in response(gateway, streamed, **body).output
        if item.type == "web_search_call"
    ]
    assert [source.url for source in calls[0].action.sources] == [PAGES[0]["url"]]
    assert [call.status for call in calls] == ["completed", "failed"]
    current = asked(upstream, CHAT)[-1].body["conversationState"]["currentMessage"]
    assert "Oslo, time zone Europe/Oslo" in json.dumps(current)


def test_the_log_has_how_often_the_web_was_searched(gateway: Gateway, upstream: Simulator) -> None:
    upstream.script(searches(), searches(), answers())
    headers = {"x-api-key": KEY, "x-request-id": "req-two-searches"}
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 99, "tools": [TOOL]}
    requests.post(f"{gateway.url}/v1/messages", json=body, headers=headers, timeout=20)
    line = gateway.wait_for_line("req-two-searches")
    assert (line["web_searches"], line["attempts"]) == (2, 3)
    assert "what is kiro" not in gateway.log_text()


def test_nothing_is_searched_unless_the_client_offers_it(
    gateway: Gateway, upstream: Simulator
) -> None:
    """A tool that is merely named so is the client's own."""
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    upstream.script(searches())
    own: Any = {"name": "web_search", "input_schema": {"type": "object"}}
    answer = client.messages.create(model=MODEL, max_tokens=99, messages=HELLO, tools=[own])
    assert [block.type for block in answer.content] == ["text", "tool_use"]
    tools: Any = [{"type": "web_search", "external_web_access": False}]
    upstream.script({"text": ["No search."]})
    assert response(gateway, True, tools=tools).output_text == "No search."
    assert queries(upstream) == []


def test_a_clients_function_of_that_name_stays_its_own(
    gateway: Gateway, upstream: Simulator
) -> None:
    function = {"type": "function", "name": "web_search", "parameters": {"type": "object"}}
    hosted = {"tool": {"name": "hosted_web_search", "input": {"query": "kiro"}}}
    upstream.script({"say": [hosted]}, searches())
    answer = response(gateway, True, tools=[{"type": "web_search"}, function])
    assert [item.type for item in answer.output] == ["web_search_call", "message", "function_call"]


def test_a_model_that_must_search_need_not_search_again(
    gateway: Gateway, upstream: Simulator
) -> None:
    upstream.script(searches(), answers(), searches(), answers())
    assert response(gateway, True, tool_choice={"type": "web_search_preview"}).status == "completed"
    assert response(gateway, True, tool_choice="required").status == "completed"


@both
def test_a_response_that_is_kept_has_its_pages(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    again = '<cite n="1-2">Other words</cite>, once more.'
    upstream.script(searches(), answers(), answers(again))
    first = response(gateway, streamed)
    followed = response(gateway, streamed, "And?", previous_response_id=first.id)
    [part] = followed.output[0].content
    assert [cited.url for cited in part.annotations] == [PAGES[1]["url"]]
    before, after = (
        seen.body["conversationState"].get("history") for seen in asked(upstream, CHAT)[1:]
    )
    assert after[: len(before)] == before, "the service caches what stays the same"
    assert PAGES[1]["snippet"] in json.dumps(after)

    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    kept: Any = client.responses.retrieve(first.id)
    assert [item.id for item in kept.output] == [item.id for item in first.output]
    assert kept.output[-1].content[0].annotations == first.output[-1].content[0].annotations
    assert "Other words" not in kept.to_json()
    with client.responses.retrieve(first.id, stream=True) as stream:
        types = [event.type.removeprefix("response.") for event in stream]
    assert "web_search_call.completed" in types
    assert "output_text.annotation.added" in types


@both
def test_an_answer_of_a_schema_may_search_first(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    schema = {
        "type": "object",
        "properties": {"what": {"type": "string"}},
        "required": ["what"],
        "additionalProperties": False,
    }
    found = {"what": "an agentic IDE"}
    final = {"tool": {"name": "final_answer", "input": found}}
    upstream.script(searches(), final, searches(), final)
    text: Any = {"format": {"type": "json_schema", "name": "kiro", "schema": schema}}
    answer = response(gateway, streamed, text=text)
    assert [item.type for item in answer.output] == ["web_search_call", "message"]
    assert json.loads(answer.output[-1].content[0].text) == found
    wanted = {"type": "json_schema", "json_schema": {"name": "kiro", "schema": schema}}
    said = completion(gateway, streamed, response_format=wanted).choices[0]
    assert said.finish_reason == "stop"
    assert json.loads(said.message.content) == found
    assert len(queries(upstream)) == 2


@pytest.mark.parametrize(
    ("path", "body", "most"),
    [
        (
            "/v1/messages",
            {"messages": HELLO, "max_tokens": 99, "tools": [TOOL | {"max_uses": 3}]},
            [3],
        ),
        ("/v1/chat/completions", {"messages": HELLO, "web_search_options": {}}, []),
        (
            "/v1/responses",
            {"input": "hi", "tools": [{"type": "web_search"}], "max_tool_calls": 2},
            [2],
        ),
    ],
)
def test_an_explanation_searches_nothing(
    gateway: Gateway, upstream: Simulator, path: str, body: Any, most: list[int]
) -> None:
    explained = requests.post(
        f"{gateway.url}{path}/explain",
        json={"model": MODEL, **body},
        headers={"x-api-key": KEY},
        timeout=20,
    )
    assert explained.status_code == 200
    assert "Searches the web" in explained.text
    limits = explained.json()["limits"]
    assert [one["value"] for one in limits if one["name"] == "web_searches"] == most
    assert asked(upstream) == asked(upstream, CHAT) == []


SCHEMA = {"type": "object", "properties": {"what": {"type": "string"}}}
NAMED = {"name": "kiro", "schema": SCHEMA}


@pytest.mark.parametrize("forced", [False, True], ids=["free", "forced"])
@pytest.mark.parametrize(
    ("path", "body", "choice"),
    [
        (
            "/v1/messages",
            {
                "messages": HELLO,
                "max_tokens": 99,
                "tools": [TOOL],
                "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            },
            {"type": "any"},
        ),
        (
            "/v1/chat/completions",
            {
                "messages": HELLO,
                "web_search_options": {},
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "response_format": {"type": "json_schema", "json_schema": NAMED},
            },
            "required",
        ),
        (
            "/v1/responses",
            {
                "input": "hi",
                "tools": [{"type": "web_search"}],
                "text": {"format": {"type": "json_schema", **NAMED}},
            },
            "required",
        ),
    ],
    ids=["messages", "chat", "responses"],
)
def test_what_json_leaves_out_is_told(
    gateway: Gateway, path: str, body: Any, choice: Any, forced: bool
) -> None:
    explained = requests.post(
        f"{gateway.url}{path}/explain",
        json={"model": MODEL, **body, **({"tool_choice": choice} if forced else {})},
        headers={"x-api-key": KEY},
        timeout=20,
    )
    assert explained.status_code == 200, explained.text
    repairs = {one["name"] for one in explained.json()["repairs"]}
    assert "no_citations_in_json" in repairs
    assert ("no_json_with_forced_call" in repairs) is forced
    assert ("json_by_tool" in repairs) is not forced
