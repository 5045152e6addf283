"""Cline: the terminal program of the agent of that name, on both of OpenAI's APIs.

Its provider of Anthropic's takes no base URL.
"""

from clients.agents import Agent, sub_task
from clients.case import BROKEN, FAILED, PIECES, Api, Case, Launch, Place, prompt

OPTIONS: dict[Api, str] = {
    "chat": "-p openai-compatible -b {url}/v1",
    "responses": "-p openai-native -b {url}/v1",
}
MODEL = "claude-sonnet-4-6"
QUIET = {"CLINE_NO_AUTO_UPDATE": "1", "CLINE_SESSION_BACKEND_MODE": "local"}
"""By default it leaves a daemon behind that holds its sessions."""
FIRST = ("run_commands", {"commands": ["echo kiro-one"]})
SECOND = ("run_commands", {"commands": ["echo kiro-two"]})
AGENT = ("spawn_agent", {"systemPrompt": "Compute.", "task": sub_task(FIRST)})


def _configure(api: Api) -> str:
    return f"cline auth {OPTIONS[api]} -k {{key}} -m {MODEL}"


def _launch(api: Api, task: str, place: Place) -> Launch:
    """Give it the provider, and then one task without a terminal."""
    cline = place.installed / "node_modules" / ".bin" / "cline"
    auth = place.fill(_configure(api)).removeprefix("cline")
    return Launch(["sh", "-c", f'"$0"{auth} && "$0" "$1"', cline, task], QUIET)


CLINE = Agent("cline", "cline@3.0.65", _configure, _launch, FIRST, SECOND, title="Cline")


def _broken(api: Api) -> Case:
    return CLINE.case(
        api,
        prompt(FIRST, end=BROKEN),
        "kiro-one",
        note="an answer that fails in the middle",
        streamed=2,
        exit_status=1,
        prints=FAILED,
    )


CASES = [
    *(CLINE.whole(api) for api in OPTIONS),
    *(CLINE.sub_agent(api, AGENT, streamed=4) for api in OPTIONS),
    *map(_broken, OPTIONS),
    *(CLINE.overflow(api, PIECES, "kiro-one", streamed=2) for api in OPTIONS),
]
