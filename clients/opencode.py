"""opencode: an open agent for the terminal, with a different provider for each API."""

import json
from functools import partial

from clients.case import Api, Case, Launch, Place, prompt

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
TASK = prompt(
    ("bash", {"command": "echo kiro-one", "description": "First"}),
    ("bash", {"command": "echo kiro-two", "description": "Second"}),
)


def _configure(api: Api) -> str:
    options = '"options": { "baseURL": "{url}/v1", "apiKey": "{key}" }'
    models = '"models": { "' + MODEL + '": {} }'
    return f'"provider": {{ "kiro": {{ "npm": "{PROVIDERS[api]}", {options},\n  {models} }} }}'


def _launch(api: Api, place: Place) -> Launch:
    config = json.loads("{" + place.fill(_configure(api)) + "}")
    (place.work / "opencode.json").write_text(json.dumps(config), encoding="utf-8")
    opencode = place.installed / "node_modules" / ".bin" / "opencode"
    return Launch([opencode, "run", "--model", f"kiro/{MODEL}"], QUIET, stdin=TASK)


CASES = [
    Case(
        client="opencode",
        name="opencode",
        api=api,
        registry="npm",
        packages=("opencode-ai@1.18.33",),
        configure=_configure(api),
        launch=partial(_launch, api),
        streamed=4,
        results=("kiro-one", "kiro-two"),
        note="`opencode.json`; one more request asks for a title",
    )
    for api in PROVIDERS
]
