"""The checks of a client's run: what passes, and the message for each problem."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clients.case import ANSWER, Case, Launch
from clients.verdict import CHAT, SEARCH, Evidence, problems

CASE = Case(
    client="some",
    name="Some client",
    api="messages",
    registry="npm",
    packages=("@some/client@1.2.3",),
    configure="",
    launch=lambda place: Launch([]),
    streamed=2,
    results=("kiro-one",),
)


def line(**changes: Any) -> dict[str, Any]:
    known = {"method": "POST", "path": "/v1/messages", "status": 200, "streamed": True}
    return known | changes


def chat(content: str, *results: str, identity: str = "1") -> dict[str, Any]:
    given = [{"toolUseId": "t", "content": [{"text": text}]} for text in results]
    context = {"userInputMessageContext": {"toolResults": given}} if results else {}
    current = {"userInputMessage": {"content": content, **context}}
    return {
        "operation": CHAT,
        "outcome": "complete",
        "violations": [],
        "body": {"conversationState": {"conversationId": identity, "currentMessage": current}},
    }


GOOD = Evidence(
    exit_status=0,
    output=f"... {ANSWER}\n",
    access_log=[line(), {"method": "HEAD", "path": "/", "status": 200}, line()],
    upstream=[{"operation": "ListAvailableModels"}, chat("go"), chat("", "kiro-one\n")],
)


def test_a_good_run_has_no_problem() -> None:
    assert problems(CASE, GOOD) == []


def test_what_is_shown_beside_the_answer_is_looked_for() -> None:
    case = replace(CASE, shows=("...", "more"))
    assert problems(case, GOOD) == ["the client did not print 'more'"]


def changed(change: Callable[[Any], Any], field: str) -> Evidence:
    value = copy.deepcopy(getattr(GOOD, field))
    return replace(GOOD, **{field: change(value)})


def with_last(**members: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda records: [*records[:-1], {**records[-1], **members}]


BAD = {
    "hangs": ("exit_status", lambda _: None, "did not end"),
    "crashes": ("exit_status", lambda _: 3, "status 3"),
    "silent": ("output", lambda _: "something else", f"did not print {ANSWER!r}"),
    "fell back": ("access_log", with_last(streamed=False), "1 streamed and 1 whole"),
    "refused": ("access_log", lambda log: [*log, line(status=400)], "refused with 400"),
    "asked more": ("access_log", lambda log: [*log, line()], "3 streamed and 0 whole"),
    "other API": (
        "access_log",
        lambda log: [*log, line(path="/v1/responses")],
        "/v1/responses was requested instead of /v1/messages",
    ),
    "other path": ("access_log", lambda log: [*log, line(path="/v1/x", status=404)], "with 404"),
    "upstream retried": ("upstream", lambda seen: [*seen, chat("more")], "got 3 requests"),
    "upstream repeated": (
        "upstream",
        lambda seen: [seen[1], chat("go", identity="2")],
        "sent twice",
    ),
    "upstream refused": (
        "upstream",
        with_last(violations=[{"rule": "enum", "message": "origin"}]),
        "enum: origin",
    ),
    "cut": ("upstream", with_last(outcome="client_closed"), "client_closed"),
    "result lost": ("upstream", lambda seen: [seen[1], chat("other")], "0 tool results"),
    "result wrong": (
        "upstream",
        lambda seen: [seen[1], chat("", "command not found")],
        "without 'kiro-one'",
    ),
}


@pytest.mark.parametrize(("field", "change", "said"), BAD.values(), ids=BAD)
def test_each_problem_has_a_message(field: str, change: Callable[[Any], Any], said: str) -> None:
    found = problems(CASE, changed(change, field))
    assert [text for text in found if said in text], json.dumps(found)


PDF = {"name": "report", "format": "pdf"}


def modelled(model: str, effort: str, field: str = "output_config") -> dict[str, Any]:
    """A request for a model with an effort and a document."""
    request = chat("go")
    message = request["body"]["conversationState"]["currentMessage"]["userInputMessage"]
    message |= {"modelId": model, "documents": [PDF]}
    request["body"]["additionalModelRequestFields"] = {field: {"effort": effort}}
    return request


@pytest.mark.parametrize("field", ["output_config", "reasoning"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"model": "b"}, ["model a was asked for instead of b"]),
        ({"effort": "high"}, ["effort low was asked for instead of high"]),
        ({"documents": ()}, ["the upstream got documents ['report.pdf'] instead of []"]),
    ],
)
def test_what_reaches_the_upstream(field: str, changes: dict[str, Any], said: list[str]) -> None:
    wanted = {"model": "a", "effort": "low", "documents": ("report.pdf",)} | changes
    case = replace(CASE, streamed=1, results=(), **wanted)
    log, upstream = [line()], [modelled("a", "low", field)]
    assert problems(case, replace(GOOD, access_log=log, upstream=upstream)) == said


def test_an_expected_failure() -> None:
    """The same request twice, the second of which is refused, and the client says so."""
    case = replace(CASE, streamed=1, repeats=True, refused=(502,), exit_status=1, prints="sorry")
    again = [chat("", "kiro-one"), chat("", "kiro-one", identity="2")]
    log = [line(), line(status=502)]
    seen = replace(GOOD, exit_status=1, output="sorry", access_log=log, upstream=again)
    assert problems(case, seen) == []
    assert problems(case, replace(seen, access_log=[line()])) == ["no request was refused with 502"]
    assert problems(case, replace(seen, exit_status=0)) == [
        "the client ended with status 0 instead of 1"
    ]


def test_what_a_client_must_ask_for() -> None:
    case = replace(CASE, fetches=("/v1/models",))
    assert problems(case, GOOD) == ["/v1/models was not asked for"]


def test_results_are_expected_in_order() -> None:
    case = replace(CASE, results=("one", "two"))
    seen = replace(GOOD, upstream=[chat("", "two"), chat("", "one")])
    assert len(problems(case, seen)) == 2


def test_version_is_that_of_the_first_package() -> None:
    assert CASE.version == "1.2.3"
    python = replace(CASE, registry="pypi", packages=("some[extra]==4.5", "other==6"))
    assert python.version == "4.5"


def test_searches_of_the_web_are_counted_with_the_calls_that_follow() -> None:
    search = {"operation": SEARCH, "status": 200, "violations": [], "body": {}}
    searching = replace(CASE, searches=1, results=("a page", "kiro-one"))
    seen = replace(GOOD, upstream=[chat("go"), search, chat("", "a page"), chat("", "kiro-one")])
    assert problems(searching, seen) == []
    assert any("the task needs 0" in text for text in problems(CASE, seen))
    refused = [chat("go"), {**search, "status": 403}, chat("", "a page"), chat("", "kiro-one")]
    assert any("[403]" in text for text in problems(searching, replace(GOOD, upstream=refused)))
