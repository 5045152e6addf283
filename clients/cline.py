"""Cline: the terminal program of the agent of that name, on both of OpenAI's APIs.

Its provider of Anthropic's takes no base URL.
"""

import json
from functools import partial
from typing import Any

from clients.case import (
    BROKEN,
    FAILED,
    MARK,
    PIECES,
    SPOKEN,
    Api,
    Case,
    Launch,
    Place,
    prompt,
)

OPTIONS: dict[Api, str] = {
    "chat": "-p openai-compatible -b {url}/v1",
    "responses": "-p openai-native -b {url}/v1",
}
MODEL = "claude-sonnet-4-6"
QUIET = {"CLINE_NO_AUTO_UPDATE": "1", "CLINE_SESSION_BACKEND_MODE": "local"}
"""By default it leaves a daemon behind that holds its sessions."""
FIRST = ("run_commands", {"commands": ["echo kiro-one"]})
SECOND = ("run_commands", {"commands": ["echo kiro-two"]})
AGENT = (
    "spawn_agent",
    {"systemPrompt": "Compute.", "task": prompt(FIRST, answer=["kiro-", "agent"])},
)


def _configure(api: Api) -> str:
    return f"cline auth {OPTIONS[api]} -k {{key}} -m {MODEL}"


def _launch(api: Api, task: str, place: Place) -> Launch:
    """Give it the provider, and then one task without a terminal."""
    cline = place.installed / "node_modules" / ".bin" / "cline"
    auth = place.fill(_configure(api)).removeprefix("cline")
    return Launch(["sh", "-c", f'"$0"{auth} && "$0" "$1"', cline, task], QUIET)


def _case(api: Api, note: str, task: str, results: tuple[str, ...], **members: Any) -> Case:
    return Case(
        client="cline",
        name="Cline",
        api=api,
        registry="npm",
        packages=("cline@3.0.65",),
        configure=_configure(api),
        launch=partial(_launch, api, task),
        results=results,
        note=note,
        **members,
    )


def _whole(api: Api) -> Case:
    return _case(api, "", prompt(FIRST, SECOND), ("kiro-one", "kiro-two"))


def _agent(api: Api) -> Case:
    return _case(api, "a sub-agent", prompt(AGENT), ("kiro-one", "kiro-agent"), streamed=4)


def _broken(api: Api) -> Case:
    return _case(
        api,
        "an answer that fails in the middle",
        prompt(FIRST, end=BROKEN),
        ("kiro-one",),
        streamed=2,
        exit_status=1,
        prints=FAILED,
    )


def _overflow(api: Api) -> Case:
    """Return a case in which the result of a call is too long, until it is left out."""
    name, given = FIRST
    first = {**SPOKEN, "tool": {"name": name, "input": given}}
    steps = [{**first, "times": 1, "then": {"text": PIECES}}, {"fail": "too_long"}]
    return _case(
        api,
        "an overflow, upon which it compacts the history",
        MARK + json.dumps({"steps": steps}, ensure_ascii=False),
        ("kiro-one",),
        streamed=2,
        refused=(400,),
        repeats=True,
    )


CASES = [make(api) for make in (_whole, _agent, _broken, _overflow) for api in OPTIONS]
