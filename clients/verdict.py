"""The checks of a run, with evidence from both sides of the gateway. No IO."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clients.case import PATHS, Case

CHAT = "GenerateAssistantResponse"


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
        *_results(case, chats),
    ]


def _client(case: Case, seen: Evidence) -> Iterator[str]:
    if seen.exit_status is None:
        yield "the client did not end in time"
    elif seen.exit_status:
        yield f"the client ended with status {seen.exit_status}"
    if case.prints not in seen.output:
        yield f"the client did not print {case.prints!r}"


def _gateway(case: Case, log: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    streamed = whole = 0
    for line in log:
        if line["status"] >= 400:
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


def _upstream(case: Case, chats: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(chats) != case.streamed + case.whole:
        yield f"the upstream got {len(chats)} requests instead of {case.streamed + case.whole}"
    bodies = set()
    for request in chats:
        for violation in request["violations"]:
            yield f"the upstream refused: {violation['rule']}: {violation['message']}"
        if request["outcome"] != "complete":
            yield f"an answer of the upstream ended as {request['outcome']}"
        body = _without_ids(request["body"])
        if body in bodies:
            yield "the same request was sent twice"
        bodies.add(body)


def _results(case: Case, chats: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Compare the tool results, in the order of their return, with the expected ones."""
    given = [text for request in chats for text in _tool_results(request["body"])]
    if len(given) != len(case.results):
        yield f"{len(given)} tool results came back instead of {len(case.results)}: {given}"
    for wanted, text in zip(case.results, given, strict=False):
        if wanted not in text:
            yield f"a tool returned {text!r}, without {wanted!r}"


def _tool_results(body: Any) -> list[str]:
    message = body["conversationState"]["currentMessage"]["userInputMessage"]
    results = message.get("userInputMessageContext", {}).get("toolResults", [])
    return [json.dumps(result["content"], ensure_ascii=False) for result in results]


def _without_ids(body: Any) -> str:
    """Return a body without identifiers, to detect repeated requests."""
    state = {
        name: value
        for name, value in body["conversationState"].items()
        if name not in ("conversationId", "agentContinuationId")
    }
    return json.dumps(state, sort_keys=True)
