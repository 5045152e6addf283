"""One answer of several turns, from calls that say what the test scripts."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from gevent.event import Event as Flag
from msgspec.structs import replace

from app.common.errors import GatewayError
from app.core.conversation import (
    CitedText,
    Conversation,
    HostedTool,
    HostedToolUse,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSearchResult,
    WebPage,
    WebSearch,
    WebSearchResult,
)
from app.core.events import (
    Event,
    Finish,
    HostedToolStart,
    TextDelta,
    Usage,
)
from app.hosted.loop import MOST_TURNS, HostedLoop, opener
from tests.scripted import BROKEN, INPUT, Call, Upstream, no_search, tool_call

SEARCH, F, G = Tool("tool_search_tool_regex"), Tool("f"), Tool("get_weather")
ASKED = Conversation(
    "m",
    (Message("user", (Text("hi"),)),),
    tools=(SEARCH, F),
    hosted=(HostedTool(SEARCH.name, "tool_search_regex"),),
    deferred=(G,),
)
USED = HostedToolUse(
    "srvtoolu_1", SEARCH.name, {"query": "weather"}, ToolSearchResult(("get_weather",))
)
END = Finish("end_turn")
CALLS = Finish("tool_use")


SEARCHES = [TextDelta("Let me see."), *tool_call(SEARCH.name, '{"query": ', '"weather"}')]


class Looped(Upstream):
    """With what makes one answer of its turns."""

    search = staticmethod(no_search)

    def loop(self, conversation: Conversation = ASKED) -> HostedLoop:
        return HostedLoop(self.open, self.search, conversation, None, 5.0)


def told(loop: HostedLoop) -> list[Event]:
    """Each call of a hosted tool is told twice: before it is run, and with its result."""
    events = [event for batch in loop.batches() for event in batch]
    for before, event in pairwise(events):
        if isinstance(before, HostedToolStart):
            assert isinstance(event, HostedToolUse)
            assert before == HostedToolStart(event.id, event.name, event.input)
    return [event for event in events if not isinstance(event, HostedToolStart)]


def test_a_conversation_without_hosted_tools_is_one_plain_call() -> None:
    upstream = Looped([END])
    plain = Conversation("m", ())
    assert opener(upstream.open, upstream.search, 5.0)(plain, None) is upstream.calls[0]


def test_the_model_goes_on_with_what_was_found() -> None:
    upstream = Looped([*SEARCHES, CALLS], [TextDelta("Now."), *tool_call("get_weather"), CALLS])
    loop = upstream.loop()
    assert told(loop) == [
        TextDelta("Let me see."),
        USED,
        TextDelta("Now."),
        *tool_call("get_weather"),
        CALLS,
    ]
    second = upstream.asked[1]
    assert second.tools == (SEARCH, F, G)
    assert second.messages[1:] == (
        Message(
            "assistant", (Text("Let me see."), ToolCall("srvtoolu_1", SEARCH.name, USED.input))
        ),
        Message(
            "user",
            (ToolResult("srvtoolu_1", (Text("Found, and ready to be called: get_weather"),)),),
        ),
    )
    assert upstream.calls[0].closed


def test_a_turn_that_calls_a_tool_of_the_client_ends_the_answer() -> None:
    upstream = Looped([*SEARCHES, *tool_call("f", "{}"), CALLS])
    assert told(upstream.loop())[1:] == [USED, *tool_call("f", "{}"), CALLS]
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("end", [Finish("max_tokens"), Finish("refusal"), END])
def test_a_turn_that_ends_for_another_reason_ends_the_answer(end: Finish) -> None:
    assert told(Looped([*SEARCHES, end]).loop())[-1] is end


def test_a_call_that_was_cut_off_is_not_run() -> None:
    cut = tool_call(SEARCH.name, '{"que', complete=False)
    assert told(Looped([TextDelta("a"), *cut, Finish("max_tokens")]).loop()) == [
        TextDelta("a"),
        Finish("max_tokens"),
    ]


def test_a_search_without_a_tool_is_told_to_the_model() -> None:
    upstream = Looped([*tool_call(SEARCH.name), CALLS], [TextDelta("No."), END])
    used, *_ = told(upstream.loop())
    assert isinstance(used, HostedToolUse)
    assert used.result.error == "invalid_tool_input"
    (result,) = upstream.asked[1].messages[-1].parts
    assert isinstance(result, ToolResult)
    assert result.is_error


def test_a_model_that_only_searches_is_paused() -> None:
    upstream = Looped(*[[*SEARCHES, CALLS]] * (MOST_TURNS + 1))
    events = told(upstream.loop())
    assert events[-1] == Finish("pause_turn")
    assert len(upstream.calls) == events.count(USED) == MOST_TURNS


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_client_that_knows_no_pause_gets_an_answer(stubborn: bool) -> None:
    """Its last search but one is not made: the model is told to answer with what it has."""
    web = Tool("web_search")
    hosted = HostedTool(web.name, "web_search", WebSearch(pauses=False))
    asked = replace(ASKED, tools=(web,), hosted=(hosted,), deferred=())
    search: list[Event] = [*tool_call(web.name, '{"query": "x"}'), CALLS]
    last: list[Event] = search if stubborn else [TextDelta("So."), END]
    upstream = Looped(*[search] * (MOST_TURNS - 1), last)
    made = list[str]()

    def find(query: str, account: str) -> list[WebPage]:
        made.append(query)
        return []

    upstream.search = find
    events = told(upstream.loop(asked))
    assert events[-1] == (Finish("max_tokens") if stubborn else END)
    results = [event.result for event in events if isinstance(event, HostedToolUse)]
    assert [result.error for result in results[:-1]] == [""] * (MOST_TURNS - 2) + [
        "max_uses_exceeded"
    ] * stubborn
    assert results[-1].error == "max_uses_exceeded"
    assert len(made) == MOST_TURNS - 2


def test_a_search_counts_once_in_an_answer_that_is_asked_for_again() -> None:
    web = Tool("web_search")
    hosted = HostedTool(web.name, "web_search", WebSearch(max_uses=1))
    asked = replace(ASKED, tools=(web,), hosted=(hosted,), deferred=())
    search = tool_call(web.name, '{"query": "x"}')
    upstream = Looped(Call([*search, BROKEN], again=[*search, CALLS]), [END])
    upstream.search = lambda query, account: []
    loop = upstream.loop(asked)
    with pytest.raises(GatewayError):
        told(loop)
    assert loop.retry(BROKEN)
    used, _ = told(loop)
    assert isinstance(used, HostedToolUse)
    assert used.result.error == ""


def test_a_tool_that_must_be_called_need_not_be_called_again() -> None:
    upstream = Looped([*SEARCHES, CALLS], [END])
    asked = Conversation(
        "m",
        ASKED.messages,
        tools=ASKED.tools,
        hosted=ASKED.hosted,
        deferred=ASKED.deferred,
        tool_choice=ToolChoice("tool", SEARCH.name),
    )
    told(upstream.loop(asked))
    assert upstream.asked[1].tool_choice == ToolChoice()


def test_a_client_gets_signs_of_life_while_the_next_turn_opens() -> None:
    upstream = Looped([*SEARCHES, CALLS], [END])
    batches = list(upstream.loop().batches())
    assert [len(batch) for batch in batches][-2:] == [0, 1]


def test_the_usage_is_that_of_all_turns() -> None:
    spent = Usage(input_tokens=10, output_tokens=5, credits=0.5)
    loop = Looped([*SEARCHES, spent, CALLS], [spent, END]).loop()
    told(loop)
    counts = loop.meter.counts()
    assert (counts.input_tokens, counts.output_tokens, counts.credits) == (20, 10, 1.0)
    assert loop.facts() == {"attempts": 2, "first_event_at": len(SEARCHES) + 2.0}
    assert loop.repairs == ("mended",)


def test_a_failure_of_a_later_turn_is_not_retried() -> None:
    upstream = Looped([*SEARCHES, CALLS], [BROKEN])
    loop = upstream.loop()
    with pytest.raises(GatewayError):
        told(loop)
    assert not loop.retry(BROKEN)
    loop.close()
    assert all(each.closed for each in upstream.calls)


def test_a_turn_that_is_refused_has_used_nothing() -> None:
    loop = Looped([*SEARCHES, CALLS], Call(refused=BROKEN)).loop()
    with pytest.raises(GatewayError, match="It broke"):
        told(loop)
    assert loop.meter.counts().input_tokens == INPUT


def test_a_failure_of_the_first_turn_is_retried_by_its_call() -> None:
    upstream = Looped([TextDelta("a"), BROKEN])
    loop = upstream.loop()
    with pytest.raises(GatewayError):
        told(loop)
    assert loop.retry(BROKEN)
    assert upstream.calls[0].retried


def test_the_limit_of_tokens_is_of_all_turns_together() -> None:
    upstream = Looped([*SEARCHES, CALLS], [END])
    loop = upstream.loop(replace(ASKED, max_tokens=100))
    told(loop)
    made = upstream.calls[0].meter.counts().output_tokens
    assert made > 0
    assert [asked.max_tokens for asked in upstream.asked] == [100, 100 - made]


def test_a_turn_that_may_say_nothing_is_not_asked_for() -> None:
    upstream = Looped([*SEARCHES, CALLS])
    loop = upstream.loop(replace(ASKED, max_tokens=3))
    *_, end = told(loop)
    assert end == Finish("max_tokens")
    assert loop.facts()["cut_by"] == "max_tokens"
    assert loop.meter.counts().input_tokens == 100


WEB = Tool("web_search")
OF_THE_WEB = replace(
    ASKED, tools=(WEB, F), hosted=(HostedTool(WEB.name, "web_search"),), deferred=()
)
PAGE = WebPage("https://a.example", "A", mark="1-1")
SEARCHED = [*tool_call(WEB.name, '{"query": "q"}'), CALLS]


class SlowWeb(Looped):
    """Finds a page, once the test lets it."""

    def __init__(self, *turns: Sequence[Any]) -> None:
        super().__init__(*turns)
        self.found = Flag()
        self.began = Flag()
        self.ended = Flag()

    def search(self, query: str, account: str) -> list[WebPage]:
        self.began.set()
        try:
            self.found.wait()
        finally:
            self.ended.set()
        return [replace(PAGE, mark="")]

    def loop(self, conversation: Conversation = OF_THE_WEB) -> HostedLoop:
        return HostedLoop(self.open, self.search, conversation, None, 0.01)


def test_a_search_of_the_web_is_told_before_and_after() -> None:
    cited = [TextDelta('<cite n="1-1">a</cite>'), END]
    upstream = SlowWeb(SEARCHED, cited)
    upstream.found.set()
    loop = upstream.loop()
    result = WebSearchResult((PAGE,))
    assert told(loop) == [
        HostedToolUse("srvtoolu_1", WEB.name, {"query": "q"}, result),
        CitedText("a", (PAGE,)),
        END,
    ]
    assert loop.facts()["web_searches"] == 1


def test_a_client_gets_signs_of_life_while_the_web_is_searched() -> None:
    upstream = SlowWeb(SEARCHED, [END])
    batches = upstream.loop().batches()
    assert isinstance(next(filter(None, batches))[0], HostedToolStart)
    assert [next(batches) for _ in range(3)] == [(), (), ()]
    upstream.found.set()
    assert isinstance(next(filter(None, batches))[0], HostedToolUse)


def test_whoever_stops_reading_ends_the_search() -> None:
    upstream = SlowWeb(SEARCHED, [END])
    batches = upstream.loop().batches()
    while not upstream.began.is_set():
        next(batches)
    assert not upstream.ended.is_set()
    batches.close()  # type: ignore[attr-defined]
    assert upstream.ended.wait(10)


def test_a_defect_of_a_runner_is_raised() -> None:
    upstream = Looped(SEARCHED)
    loop = HostedLoop(upstream.open, upstream.search, OF_THE_WEB, None, 0.01)
    with pytest.raises(AssertionError, match="no search of the web"):
        told(loop)
