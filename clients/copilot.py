"""GitHub Copilot CLI with a provider of one's own, on each of the three APIs."""

import json
from functools import partial
from typing import Any

from clients.case import ANSWER, BROKEN, MARK, PIECES, SPOKEN, Api, Case, Launch, Place, prompt

MODEL = "claude-sonnet-4.6"
CONFIGURE: dict[Api, str] = {
    "chat": "COPILOT_PROVIDER_BASE_URL={url}/v1",
    "responses": "COPILOT_PROVIDER_BASE_URL={url}/v1\nCOPILOT_PROVIDER_WIRE_API=responses",
    "messages": "COPILOT_PROVIDER_BASE_URL={url}\nCOPILOT_PROVIDER_TYPE=anthropic",
}
OPENAI = "gpt-5.5"
"""For a name of OpenAI's it offers a tool whose input follows a grammar."""
QUIET = {"COPILOT_OFFLINE": "true", "COPILOT_AUTO_UPDATE": "false"}
FIRST = ("bash", {"command": "echo kiro-one", "description": "First"})
SECOND = ("bash", {"command": "echo kiro-two", "description": "Second"})

PATCH = "*** Begin Patch\n*** Add File: made.txt\n+kiro-två\n*** End Patch\n"
SHOW = ("bash", {"command": "cat made.txt", "description": "Show"})
EDIT = prompt(("apply_patch", {"input": PATCH}), SHOW)


def _launch(configure: str, task: str, place: Place) -> Launch:
    settings = dict(line.split("=", 1) for line in place.fill(configure).splitlines())
    copilot = place.installed / "node_modules" / ".bin" / "copilot"
    return Launch([copilot, "-p", task, "--allow-all-tools"], {**settings, **QUIET})


def _case(
    api: Api, task: str, results: tuple[str, ...], model: str = MODEL, **members: Any
) -> Case:
    configure = f"{CONFIGURE[api]}\nCOPILOT_PROVIDER_API_KEY={{key}}\nCOPILOT_MODEL={model}"
    return Case(
        client="copilot",
        name="GitHub Copilot CLI",
        api=api,
        registry="npm",
        packages=("@github/copilot@1.0.102",),
        configure=configure,
        launch=partial(_launch, configure, task),
        results=results,
        **members,
    )


def _broken(api: Api) -> Case:
    return _case(
        api,
        prompt(FIRST, end={**BROKEN, "times": 1, "then": {"text": [ANSWER]}}),
        ("kiro-one",),
        repeats=True,
        prints=f"Retrying...\n\n{ANSWER}",
        note="an answer that fails in the middle, and then is whole",
    )


def _overflow(api: Api) -> Case:
    """Return a case in which the result of a call is too long, until the history is summed up."""
    name, given = FIRST
    first = {**SPOKEN, "tool": {"name": name, "input": given}}
    steps = [
        {**first, "times": 1, "then": {"text": PIECES}},
        {"fail": "too_long", "times": 1, "then": {"text": "<summary>So far.</summary>"}},
    ]
    return _case(
        api,
        MARK + json.dumps({"steps": steps}, ensure_ascii=False),
        ("kiro-one", "kiro-one"),
        refused=(400,),
        repeats=True,
        note="an overflow, upon which it compacts the history",
    )


CASES = [
    *(_case(api, prompt(FIRST, SECOND), ("kiro-one", "kiro-two")) for api in CONFIGURE),
    _case("chat", EDIT, ("made.txt", "kiro-två"), OPENAI, note="a tool with a grammar"),
    *map(_broken, CONFIGURE),
    *map(_overflow, CONFIGURE),
]
