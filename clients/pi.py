"""pi: a small agent for the terminal, with a provider of one's own on each of the three APIs."""

import json

from clients.agents import Agent
from clients.case import Api, Launch, Place, prompt

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


PI = Agent(
    "pi",
    "@earendil-works/pi-coding-agent@1.6.0",
    _configure,
    _launch,
    FIRST,
    SECOND,
    note="`~/.pi/agent/models.json`",
)
# its request for the summary quotes the prompt; the summary says what to do with the result
SUMMARY = [prompt(FIRST)]
CASES = [
    *map(PI.whole, APIS),
    *map(PI.asks_again, APIS),
    *(PI.overflow(api, SUMMARY, "kiro-one", "kiro-one") for api in APIS),
]
