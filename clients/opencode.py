"""opencode: an open agent for the terminal, with a different provider for each API."""

import json

from clients.agents import Agent, sub_task
from clients.case import PIECES, Api, Case, Launch, Place

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
        "prompt": sub_task(FIRST),
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


OPENCODE = Agent(
    "opencode",
    "opencode-ai@1.18.33",
    _configure,
    _launch,
    FIRST,
    SECOND,
    note="`opencode.json`",
    streamed=4,
)


def _overflow(api: Api) -> Case:
    """Return a case of an overflow, which opencode ends with. Its request for a title, which comes
    first, takes one of the two times of the first answer.
    """
    return OPENCODE.overflow(
        api,
        PIECES,
        "kiro-one",
        times=2,
        note="an overflow, which it shows, and upon which it compacts the history and goes on",
        exit_status=1,
        prints="The conversation was compacted",
    )


CASES = [
    *(OPENCODE.whole(api, note="one more request asks for a title") for api in PROVIDERS),
    *(OPENCODE.sub_agent(api, AGENT, streamed=5) for api in PROVIDERS),
    *map(OPENCODE.asks_again, PROVIDERS),
    *map(_overflow, PROVIDERS),
]
