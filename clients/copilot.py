"""GitHub Copilot CLI with a provider of one's own, on each of the three APIs."""

from functools import partial
from typing import Any

from clients.case import ANSWER, BROKEN, Api, Case, Launch, Place, prompt

MODEL = "claude-sonnet-4.6"
CONFIGURE: dict[Api, str] = {
    "chat": "COPILOT_PROVIDER_BASE_URL={url}/v1",
    "responses": "COPILOT_PROVIDER_BASE_URL={url}/v1\nCOPILOT_PROVIDER_WIRE_API=responses",
    "messages": "COPILOT_PROVIDER_BASE_URL={url}\nCOPILOT_PROVIDER_TYPE=anthropic",
}
KEY = f"COPILOT_PROVIDER_API_KEY={{key}}\nCOPILOT_MODEL={MODEL}"
QUIET = {"COPILOT_OFFLINE": "true", "COPILOT_AUTO_UPDATE": "false"}
FIRST = ("bash", {"command": "echo kiro-one", "description": "First"})
SECOND = ("bash", {"command": "echo kiro-two", "description": "Second"})


def _launch(api: Api, task: str, place: Place) -> Launch:
    lines = place.fill(f"{CONFIGURE[api]}\n{KEY}").splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    copilot = place.installed / "node_modules" / ".bin" / "copilot"
    return Launch([copilot, "-p", task, "--allow-all-tools"], {**settings, **QUIET})


def _case(api: Api, task: str, results: tuple[str, ...], **members: Any) -> Case:
    return Case(
        client="copilot",
        name="GitHub Copilot CLI",
        api=api,
        registry="npm",
        packages=("@github/copilot@1.0.102",),
        configure=f"{CONFIGURE[api]}\n{KEY}",
        launch=partial(_launch, api, task),
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


CASES = [
    *(_case(api, prompt(FIRST, SECOND), ("kiro-one", "kiro-two")) for api in CONFIGURE),
    *map(_broken, CONFIGURE),
]
