"""The checks of a run, with evidence from both sides of the gateway. No IO."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clients.case import PATHS, Case

CHAT, SEARCH = "GenerateAssistantResponse", "InvokeMCP"


@dataclass(frozen=True)
class Evidence:
    """The evidence of a run.

    The client's exit status and output, the gateway's access log (one object for each request), and
    the simulator's log of requests as JSON.
    """

    exit_status: int | None
    output: str
    access_log: Sequence[Mapping[str, Any]]
    upstream: Sequence[Mapping[str, Any]]


def problems(case: Case, seen: Evidence) -> list[str]:
    """Return everything that is wrong with a run; an empty list if it passed."""
    chats = [request for request in seen.upstream if request["operation"] == CHAT]
    return [
        *_client(case, seen),
        *_gateway(case, seen.access_log),
        *_upstream(case, chats),
        *_searches(case, seen.upstream),
        *_results(case, _once(chats) if case.repeats else chats),
        *_reached(case, chats),
    ]


def _client(case: Case, seen: Evidence) -> Iterator[str]:
    if seen.exit_status is None:
        yield "the client did not end in time"
    elif seen.exit_status != case.exit_status:
        yield f"the client ended with status {seen.exit_status} instead of {case.exit_status}"
    for text in (case.prints, *case.shows):
        if text not in seen.output:
            yield f"the client did not print {text!r}"


def _gateway(case: Case, log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    streamed = whole = 0
    expected = list(case.refused)
    for line in log:
        if line["status"] in expected:
            expected.remove(line["status"])
        elif line["status"] >= 400:
            yield f"{line['method']} {line['path']} was refused with {line['status']}"
        elif line["path"] == PATHS[case.api]:
            streamed += bool(line["streamed"])
            whole += not line["streamed"]
        elif line["path"] in PATHS.values():
            yield f"{line['path']} was requested instead of {PATHS[case.api]}"
    if (streamed, whole) != (case.streamed, case.whole):
        yield (
            f"{streamed} streamed and {whole} whole requests, "
            f"but the task needs {case.streamed} and {case.whole}"
        )
    for status in expected:
        yield f"no request was refused with {status}"
    for path in sorted(set(case.fetches) - {line["path"] for line in log}):
        yield f"{path} was not asked for"


def _upstream(case: Case, chats: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    expected = case.streamed + case.whole + case.searches
    if len(chats) != expected and not case.repeats:
        yield f"the upstream got {len(chats)} requests instead of {expected}"
    if len(_once(chats)) != len(chats) and not case.repeats:
        yield "the same request was sent twice"
    for request in chats:
        for violation in request["violations"]:
            yield f"the upstream refused: {violation['rule']}: {violation['message']}"
        if request["outcome"] != "complete":
            yield f"an answer of the upstream ended as {request['outcome']}"


def _searches(case: Case, upstream: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    statuses = [request["status"] for request in upstream if request["operation"] == SEARCH]
    if statuses != [200] * case.searches:
        yield f"searches of the web were answered with {statuses}, the task needs {case.searches}"


def _once(chats: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the requests without those that repeat an earlier one."""
    return list({_without_ids(chat["body"]): chat for chat in reversed([*chats])}.values())[::-1]


def _results(case: Case, chats: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Compare the tool results, in the order of their return, with the expected ones."""
    given = [text for request in chats for text in _tool_results(request["body"])]
    if len(given) != len(case.results):
        yield f"{len(given)} tool results came back instead of {len(case.results)}: {given}"
    for wanted, text in zip(case.results, given, strict=False):
        if wanted not in text:
            yield f"a tool returned {text!r}, without {wanted!r}"


def _reached(case: Case, chats: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Compare the model, the effort and the documents of the requests with the expected ones."""
    for body in (request["body"] for request in chats):
        model, effort = _message(body).get("modelId"), _effort(body)
        if case.model not in ("", model):
            yield f"model {model} was asked for instead of {case.model}"
        if case.effort not in ("", effort):
            yield f"effort {effort} was asked for instead of {case.effort}"
    documents = [
        f"{each['name']}.{each['format']}"
        for request in chats
        for each in _message(request["body"]).get("documents", [])
    ]
    if documents != list(case.documents):
        yield f"the upstream got documents {documents} instead of {list(case.documents)}"


def _effort(body: Any) -> str | None:
    """Return the effort of a request: Claude's field, else that of OpenAI's models."""
    fields = body.get("additionalModelRequestFields", {})
    of_model = fields.get("output_config") or fields.get("reasoning") or {}
    effort: str | None = of_model.get("effort")
    return effort


def _message(body: Any) -> Any:
    return body["conversationState"]["currentMessage"]["userInputMessage"]


def _tool_results(body: Any) -> list[str]:
    results = _message(body).get("userInputMessageContext", {}).get("toolResults", [])
    return [json.dumps(result["content"], ensure_ascii=False) for result in results]


def _without_ids(body: Any) -> str:
    """Return a body without identifiers, to detect repeated requests."""
    state = {
        name: value
        for name, value in body["conversationState"].items()
        if name not in ("conversationId", "agentContinuationId")
    }
    return json.dumps(state, sort_keys=True)
