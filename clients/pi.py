"""pi: a small agent for the terminal, with a provider of one's own on each of the three APIs."""

import json
from functools import partial
from typing import Any

from clients.case import (
    ANSWER,
    BROKEN,
    MARK,
    NESTED,
    SPOKEN,
    Api,
    Case,
    Launch,
    Place,
    prompt,
)

APIS: dict[Api, str] = {
    "chat": '"api": "openai-completions", "baseUrl": "{url}/v1"',
    "messages": '"api": "anthropic-messages", "baseUrl": "{url}"',
    "responses": '"api": "openai-responses", "baseUrl": "{url}/v1"',
}
MODEL = "claude-sonnet-4-6"
SETTINGS = {"compaction": {"keepRecentTokens": 1}}
"""By default it keeps 20,000 tokens of a history, and more than these tasks have."""
FIRST = ("bash", {"command": "echo kiro-one"})
SECOND = ("bash", {"command": "echo kiro-two"})


def _configure(api: Api) -> str:
    models = '"models": [{ "id": "' + MODEL + '" }]'
    return f'"providers": {{ "kiro": {{ {APIS[api]}, "apiKey": "{{key}}",\n  {models} }} }}'


def _launch(api: Api, task: str, place: Place) -> Launch:
    home = place.work.parent / "pi"
    home.mkdir()
    config = json.loads("{" + place.fill(_configure(api)) + "}")
    (home / "models.json").write_text(json.dumps(config), encoding="utf-8")
    (home / "settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    pi = place.installed / "node_modules" / ".bin" / "pi"
    return Launch(
        [pi, "--offline", "--model", f"kiro/{MODEL}", "-p", task],
        {"PI_CODING_AGENT_DIR": str(home), "PI_TELEMETRY": "0"},
    )


def _case(api: Api, note: str, task: str, results: tuple[str, ...], **members: Any) -> Case:
    return Case(
        client="pi",
        name="pi",
        api=api,
        registry="npm",
        packages=("@earendil-works/pi-coding-agent@1.6.0",),
        configure=_configure(api),
        launch=partial(_launch, api, task),
        results=results,
        note="; ".join(filter(None, ["`~/.pi/agent/models.json`", note])),
        **members,
    )


def _whole(api: Api) -> Case:
    return _case(api, "", prompt(FIRST, SECOND), ("kiro-one", "kiro-two"))


def _broken(api: Api) -> Case:
    return _case(
        api,
        "an answer that fails in the middle, and then is whole",
        prompt(FIRST, end={**BROKEN, "times": 1, "then": {"text": [ANSWER]}}),
        ("kiro-one",),
        repeats=True,
    )


def _overflow(api: Api) -> Case:
    """Return a case in which the result of a call is too long, until the history is summed up.

    The request for the summary quotes the prompt. The summary says what to do with that result.
    """
    name, given = FIRST
    first = {**SPOKEN, "tool": {"name": name, "input": given}}
    steps = [{**first, "times": 1, "then": {"text": [prompt(FIRST)]}}, {"fail": "too_long"}]
    told = json.dumps({"steps": steps}, ensure_ascii=False).replace(MARK, NESTED)
    return _case(
        api,
        "an overflow, upon which it compacts the history",
        MARK + told,
        ("kiro-one", "kiro-one"),
        refused=(400,),
        repeats=True,
    )


CASES = [make(api) for make in (_whole, _broken, _overflow) for api in APIS]
