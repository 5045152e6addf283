"""opencode: an open agent for the terminal, with a different provider for each API."""

import json
from functools import partial
from typing import Any

from clients.case import ANSWER, BROKEN, MARK, PIECES, SPOKEN, Api, Case, Launch, Place, prompt

PROVIDERS: dict[Api, str] = {
    "chat": "@ai-sdk/openai-compatible",
    "messages": "@ai-sdk/anthropic",
    "responses": "@ai-sdk/openai",
}
MODEL = "claude-sonnet-4-6"
QUIET = {
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
}
FIRST = ("bash", {"command": "echo kiro-one", "description": "First"})
SECOND = ("bash", {"command": "echo kiro-two", "description": "Second"})
AGENT = (
    "task",
    {
        "description": "Compute",
        "prompt": prompt(FIRST, answer=["kiro-", "agent"]),
        "subagent_type": "general",
    },
)


def _configure(api: Api) -> str:
    options = '"options": { "baseURL": "{url}/v1", "apiKey": "{key}" }'
    models = '"models": { "' + MODEL + '": {} }'
    return f'"provider": {{ "kiro": {{ "npm": "{PROVIDERS[api]}", {options},\n  {models} }} }}'


def _launch(api: Api, task: str, place: Place) -> Launch:
    config = json.loads("{" + place.fill(_configure(api)) + "}")
    (place.work / "opencode.json").write_text(json.dumps(config), encoding="utf-8")
    opencode = place.installed / "node_modules" / ".bin" / "opencode"
    return Launch([opencode, "run", "--model", f"kiro/{MODEL}"], QUIET, stdin=task)


def _case(api: Api, note: str, task: str, results: tuple[str, ...], **members: Any) -> Case:
    return Case(
        client="opencode",
        name="opencode",
        api=api,
        registry="npm",
        packages=("opencode-ai@1.18.33",),
        configure=_configure(api),
        launch=partial(_launch, api, task),
        results=results,
        note=f"`opencode.json`; {note}",
        **{"streamed": 4, **members},
    )


def _whole(api: Api) -> Case:
    return _case(
        api,
        "one more request asks for a title",
        prompt(FIRST, SECOND),
        ("kiro-one", "kiro-two"),
    )


def _agent(api: Api) -> Case:
    return _case(api, "a sub-agent", prompt(AGENT), ("kiro-one", "kiro-agent"), streamed=5)


def _broken(api: Api) -> Case:
    return _case(
        api,
        "an answer that fails in the middle, and then is whole",
        prompt(FIRST, end={**BROKEN, "times": 1, "then": {"text": [ANSWER]}}),
        ("kiro-one",),
        repeats=True,
    )


def _overflow(api: Api) -> Case:
    """Return a case in which the result of a call is too long, and the history is summed up.

    The request for a title, which comes first, takes one of the two times of the first answer.
    """
    name, given = FIRST
    first = {**SPOKEN, "tool": {"name": name, "input": given}}
    steps = [{**first, "times": 2, "then": {"text": PIECES}}, {"fail": "too_long"}]
    return _case(
        api,
        "an overflow, which it shows, and upon which it compacts the history and goes on",
        MARK + json.dumps({"steps": steps}, ensure_ascii=False),
        ("kiro-one",),
        refused=(400,),
        repeats=True,
        exit_status=1,
        prints="The conversation was compacted",
    )


CASES = [make(api) for make in (_whole, _agent, _broken, _overflow) for api in PROVIDERS]
