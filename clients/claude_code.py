"""Claude Code: Anthropic's agent for the terminal."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from clients.case import ANSWER, BROKEN, FAILED, Case, Launch, Place, prompt
from clients.files import pdf

CONFIGURE = "ANTHROPIC_BASE_URL={url}\nANTHROPIC_AUTH_TOKEN={key}"
QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
FIRST = ("Bash", {"command": "echo kiro-one", "description": "First"})
SECOND = ("Bash", {"command": "echo kiro-two", "description": "Second"})
TASK = prompt(FIRST, SECOND)
DISCOVER = "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1"
DISCOVERED = ".claude/cache/gateway-models.json"
"""Where the client keeps the models that the gateway offered, in the user's home."""
SCHEMA = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}


def _settings(text: str, place: Place) -> dict[str, str]:
    return dict(line.split("=", 1) for line in place.fill(text).splitlines())


def _launch(
    place: Place, task: str = TASK, *options: str, configure: str = CONFIGURE, after: str = ""
) -> Launch:
    """Run one task without a terminal, and the shell command ``after`` it."""
    claude = place.installed / "node_modules" / ".bin" / "claude"
    argv: list[str | Path] = [claude, "-p", task, *options]
    if after:
        argv = ["sh", "-c", f'"$@" && {after}', "sh", *argv]
    return Launch(argv, {**_settings(configure, place), **QUIET})


def _read_pdf(place: Place) -> Launch:
    report = place.work / "report.pdf"
    report.write_bytes(pdf("The sum is 20."))
    return _launch(place, prompt(("Read", {"file_path": str(report)})))


def _case(note: str = "", launch: Callable[[Place], Launch] = _launch, **changes: Any) -> Case:
    members: Mapping[str, Any] = {
        "configure": CONFIGURE,
        "results": ("kiro-one", "kiro-two"),
        "model": "claude-opus-5.5",
        "effort": "medium",
        **changes,
    }
    return Case(
        client="claude-code",
        name="Claude Code",
        api="messages",
        registry="npm",
        packages=("@anthropic-ai/claude-code@2.1.332",),
        launch=launch,
        note=note,
        **members,
    )


def _typed(place: Place) -> Launch:
    task = prompt(
        end={"text": "One moment. ", "tool": {"name": "StructuredOutput", "input": {"sum": 20}}}
    )
    return _launch(place, task, "--json-schema", json.dumps(SCHEMA), "--output-format", "json")


def _search(place: Place) -> Launch:
    return _launch(place, prompt(SELECT, SEARCH), "--allowedTools", "WebSearch")


def _compacts(place: Place) -> Launch:
    """Three runs of one conversation. The last result of the first is not summed up: the request
    for the summary has it, and so has the next.
    """
    claude = place.installed / "node_modules" / ".bin" / "claude"
    script = '"$0" -p "$1" && "$0" -c -p "/compact $2" && "$0" -c -p "$3"'
    argv: list[str | Path] = ["sh", "-c", script, claude, prompt(FIRST), SUMMARY, prompt(SECOND)]
    return Launch(argv, {**_settings(CONFIGURE, place), **QUIET})


SELECT = ("ToolSearch", {"query": "select:WebSearch"})
CITING = ["Kiro is ", '<cite n="1-1">an IDE</cite>', "."]
SEARCH = ("WebSearch", {"query": prompt(("web_search", {"query": "kiro"}), answer=CITING)})
"""The client asks the model in a request of its own to search for this query."""
AGENT = (
    "Agent",
    {
        "description": "Compute",
        "prompt": prompt(FIRST, answer=["kiro-", "agent"]),
        "subagent_type": "general-purpose",
        "run_in_background": False,
    },
)
SUMMARY = prompt(end={"text": ["<summary>Nothing is left to do.</summary>"]})
"""Behind ``/compact``, which passes on to the model what it is given."""
NO_RETRIES = f"{CONFIGURE}\nCLAUDE_CODE_MAX_RETRIES=0"

CASES = [
    _case("the model and effort that it chooses by itself"),
    _case(
        "a PDF that its tool Read reads",
        _read_pdf,
        streamed=2,
        results=("report.pdf",),
        documents=("document.pdf",),
    ),
    _case(
        "its discovery of the gateway's models",
        partial(_launch, configure=f"{CONFIGURE}\n{DISCOVER}", after=f"cat ~/{DISCOVERED}"),
        configure=f"{CONFIGURE}\n{DISCOVER}",
        fetches=("/v1/models",),
        prints='"claude-haiku-5-5"',
    ),
    _case(
        "a sub-agent",
        partial(_launch, task=prompt(AGENT)),
        streamed=4,
        results=("kiro-one", "kiro-agent"),
    ),
    _case(
        "`--json-schema`",
        _typed,
        streamed=1,
        results=(),
        prints='"structured_output":{"sum":20}',
    ),
    _case(
        "its tool WebSearch",
        _search,
        streamed=4,
        searches=1,
        results=(
            "WebSearch",
            "https://example.invalid/1?q=kiro",
            "https://example.invalid/1?q=kiro",
        ),
    ),
    _case(
        "its `/compact` between two tasks",
        _compacts,
        streamed=5,
        results=("kiro-one", "kiro-one", "kiro-two"),
    ),
    _case(
        "an answer that fails in the middle, and then is whole",
        partial(
            _launch, task=prompt(FIRST, end={**BROKEN, "times": 1, "then": {"text": [ANSWER]}})
        ),
        streamed=2,
        whole=1,
        results=("kiro-one",),
        repeats=True,
    ),
    _case(
        "an answer that fails in the middle",
        partial(_launch, task=prompt(FIRST, end=BROKEN), configure=NO_RETRIES),
        streamed=2,
        results=("kiro-one",),
        repeats=True,
        exit_status=1,
        refused=(502,),
        prints=FAILED,
    ),
]
