"""The clients that can be set up, one row each. docs/clients.md has those that tests run.

Where a client reads a file, the lines that are printed and the file that is written come from the
same function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import edits
from .setup import Setup

ENV_KEY = "KIRO2API_KEY"
"""The variable that holds the key for clients whose files name one."""

PROVIDER = "kiro2api"
"""For Codex any name but OpenAI: for that one it leaves the summary of a long conversation to the
service, in a form that only OpenAI can read."""

Environ = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """``exports`` are the variables of a shell, with the key as ``{key}``; ``steps`` tell in words
    what has no file. ``file`` gives its path from the home directory and the environment, ``edit``
    the new content from the old one. ``start`` is how to run the client then.
    """

    title: str
    exports: Callable[[Setup], Mapping[str, str]] = lambda setup: {}
    file: Callable[[Path, Environ], Path] | None = None
    edit: Callable[[str, Setup], str] | None = None
    steps: Callable[[Setup], Sequence[str]] = lambda setup: ()
    start: Callable[[Setup], str] = lambda setup: ""
    holds_key: bool = True


def _claude_exports(setup: Setup) -> Mapping[str, str]:
    return {"ANTHROPIC_BASE_URL": setup.url, "ANTHROPIC_AUTH_TOKEN": "{key}"}


def _claude_file(home: Path, environ: Environ) -> Path:
    return Path(environ.get("CLAUDE_CONFIG_DIR") or home / ".claude") / "settings.json"


def _claude_edit(text: str, setup: Setup) -> str:
    variables = {"ANTHROPIC_BASE_URL": setup.url, "ANTHROPIC_AUTH_TOKEN": setup.secret}
    return edits.json_members(text, {"env": variables})


def _codex_file(home: Path, environ: Environ) -> Path:
    return Path(environ.get("CODEX_HOME") or home / ".codex") / "config.toml"


def _codex_edit(text: str, setup: Setup) -> str:
    """Window and effort are in the configuration: a catalogue would replace Codex's own prompt."""
    model = setup.model
    members: dict[str, str | int] = {"model": model.id, "model_provider": PROVIDER}
    if model.context_window:
        members["model_context_window"] = model.context_window
    if effort := model.fields.default_effort or next(iter(model.fields.efforts), None):
        members["model_reasoning_effort"] = effort
    provider = {
        "name": PROVIDER,
        "base_url": f"{setup.url}/v1",
        "env_key": ENV_KEY,
        "wire_api": "responses",
    }
    return edits.toml_members(text, members, f"model_providers.{PROVIDER}", provider)


def _opencode_file(home: Path, environ: Environ) -> Path:
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return config / "opencode" / "opencode.json"


def _opencode_edit(text: str, setup: Setup) -> str:
    models = {}
    for model in setup.models:
        models[model.id] = {"name": model.name}
        if model.context_window and model.max_output:
            limit = {"context": model.context_window, "output": model.max_output}
            models[model.id] |= {"limit": limit}  # type: ignore[dict-item] # plain JSON
    options = {"baseURL": f"{setup.url}/v1", "apiKey": setup.secret}
    provider = {
        "npm": "@ai-sdk/anthropic",
        "name": PROVIDER,
        "options": options,
        "models": models,
    }
    members = {"provider": {PROVIDER: provider}, "model": f"{PROVIDER}/{setup.model.id}"}
    return edits.json_members(text, members)


def _aider_exports(setup: Setup) -> Mapping[str, str]:
    return {"ANTHROPIC_API_BASE": setup.url, "ANTHROPIC_API_KEY": "{key}"}


def _aider_edit(text: str, setup: Setup) -> str:
    members = {
        "openai-api-base": f"{setup.url}/v1",
        "openai-api-key": setup.secret,
        "model": f"openai/{setup.model.id}",
    }
    return edits.yaml_scalars(text, members)


def _copilot_exports(setup: Setup) -> Mapping[str, str]:
    return {
        "COPILOT_PROVIDER_BASE_URL": setup.url,
        "COPILOT_PROVIDER_TYPE": "anthropic",
        "COPILOT_PROVIDER_API_KEY": "{key}",
        "COPILOT_MODEL": setup.model.id,
    }


def _continue_edit(text: str, setup: Setup) -> str:
    content = f"""\
name: {PROVIDER}
version: 1.0.0
schema: v1
models:
  - name: {setup.model.name}
    provider: anthropic
    model: {setup.model.id}
    apiBase: {setup.url}/v1
    apiKey: "{setup.secret}"
    roles: [chat, edit, apply]
"""
    return edits.whole(text, content)


def _cline_steps(setup: Setup) -> Sequence[str]:
    return (
        "In Cline's settings (the gear of its panel), which it keeps in the editor's own storage:",
        "  API Provider: Anthropic",
        f"  Anthropic API Key: {setup.secret}",
        f"  Use custom base URL: {setup.url}",
        f"  Model: {setup.model.id}",
        "Or, for other models: API Provider: OpenAI Compatible",
        f"  Base URL: {setup.url}/v1    API Key: the same    Model ID: {setup.model.id}",
    )


def _cursor_steps(setup: Setup) -> Sequence[str]:
    return (
        "In Cursor's settings, Models, API Keys:",
        f"  OpenAI API Key: {setup.secret}",
        f"  Override OpenAI Base URL: {setup.url}/v1",
        f"  Add a custom model: {setup.model.id}",
        "Cursor asks from its own servers, which must reach the address, with TLS.",
    )


def _sdk_steps(setup: Setup) -> Sequence[str]:
    return (
        f'anthropic.Anthropic(base_url="{setup.url}", api_key="{setup.secret}")',
        f'openai.OpenAI(base_url="{setup.url}/v1", api_key="{setup.secret}")',
    )


CLIENTS: Mapping[str, Client] = {
    "claude-code": Client(
        "Claude Code",
        exports=_claude_exports,
        file=_claude_file,
        edit=_claude_edit,
        start=lambda setup: "claude",
    ),
    "codex": Client(
        "Codex",
        exports=lambda setup: {ENV_KEY: "{key}"},
        file=_codex_file,
        edit=_codex_edit,
        start=lambda setup: "codex",
        holds_key=False,
    ),
    "opencode": Client(
        "opencode",
        file=_opencode_file,
        edit=_opencode_edit,
        start=lambda setup: "opencode",
    ),
    "aider": Client(
        "aider",
        exports=_aider_exports,
        file=lambda home, environ: home / ".aider.conf.yml",
        edit=_aider_edit,
        start=lambda setup: f"aider --model anthropic/{setup.model.id}",
    ),
    "copilot": Client(
        "GitHub Copilot CLI", exports=_copilot_exports, start=lambda setup: "copilot"
    ),
    "continue": Client(
        "Continue",
        file=lambda home, environ: home / ".continue" / "config.yaml",
        edit=_continue_edit,
    ),
    "cline": Client("Cline", steps=_cline_steps),
    "cursor": Client("Cursor", steps=_cursor_steps),
    "python": Client("the SDKs, in Python", steps=_sdk_steps),
}
