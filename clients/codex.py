"""Codex: OpenAI's agent for the terminal. It speaks Responses only.

Its tools depend on the model's name. An unknown model gets functions, some of them in namespaces.
An older model of OpenAI gets a tool whose input follows a grammar, and finds the tools of MCP
servers by a search. The newest, which are its default, call every tool from a script that they give
to the tool exec, and start agents that get their tasks in items of their own.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from clients.case import ANSWER, BROKEN, FAILED, SPOKEN, Case, Launch, Place, prompt

CONFIGURE = """\
model_provider = "kiro"
model_providers.kiro = { name = "kiro", base_url = "{url}/v1", env_key = "OPENAI_API_KEY", \
wire_api = "responses" }"""
NO_RETRIES = CONFIGURE.replace(
    ' wire_api = "responses" }',
    ' wire_api = "responses", request_max_retries = 0, stream_max_retries = 0 }',
)
COMPACTS = (
    CONFIGURE.replace('name = "kiro"', 'name = "OpenAI"')
    + "\nmodel_auto_compact_token_limit = 50_000"
)
QUIET = """
sandbox_mode = "danger-full-access"
analytics.enabled = false
check_for_update_on_startup = false
"""
ADDER = Path(__file__).parent / "programs" / "adder.py"
MCP = f"""
mcp_servers.adder = {{ command = "{sys.executable}", args = ["{ADDER}"], \
default_tools_approval_mode = "approve" }}
"""
DEFAULT_MODEL = "gpt-5.6-sol"
"""What the account has of the family of Codex's own default."""

FIRST = ("exec_command", {"cmd": "echo kiro-one"})
SECOND = ("exec_command", {"cmd": "echo kiro-two"})
COMMANDS = prompt(FIRST, SECOND)
PATCH = "*** Begin Patch\n*** Add File: made.txt\n+kiro-två\n*** End Patch\n"
EDIT = prompt(
    ("apply_patch", {"input": PATCH}),
    ("exec_command", {"cmd": "cat made.txt"}),
)
FULL, EMPTY = {**SPOKEN, "context_usage": 20.0}, {**SPOKEN, "context_usage": 1.0}
SUMMED = prompt(
    FIRST,
    before=FULL,
    end={"text": [prompt(SECOND, before=EMPTY)], "context_usage": 1.0},
)
"""The summary that the model is asked for behind the first call says what to do from there on."""
WEB, FOUND = prompt(("web_search", {"query": "kiro"}), FIRST), "https://example.invalid/1?q=kiro"
SEARCH = prompt(
    ("tool_search", {"query": "add two numbers"}),
    ("mcp__adder__add", {"a": 12, "b": 8}),
)


def _script(word: str) -> tuple[str, dict[str, str]]:
    run = f'const done = await tools.exec_command({{ cmd: "echo {word}" }});'
    return "functions__exec", {"input": f"{run}\ntext(done.output);\n"}


AGENT = prompt(
    (
        "collaboration__spawn_agent",
        {
            "task_name": "compute",
            "message": prompt(_script("kiro-one"), answer=["kiro-", "agent"]),
            "fork_turns": "none",
        },
    ),
    ("collaboration__wait_agent", {"timeout_ms": 20_000}),
)


def _launch(model: str, task: str, configure: str, more: str, place: Place) -> Launch:
    home = place.work.parent / "codex"
    home.mkdir()
    chosen = f'model = "{model}"\n' if model else ""
    config = f"{chosen}{place.fill(configure)}{QUIET}{more}"
    (home / "config.toml").write_text(config, encoding="utf-8")
    codex = place.installed / "node_modules" / ".bin" / "codex"
    return Launch(
        [codex, "exec", "--skip-git-repo-check", task],
        {"CODEX_HOME": str(home), "OPENAI_API_KEY": place.key},
    )


def _case(
    note: str,
    named: str,
    task: str,
    results: tuple[str, ...],
    *,
    configure: str = CONFIGURE,
    more: str = "",
    **members: Any,
) -> Case:
    """Return a case in which the model is ``named``, or Codex's own default if that is empty."""
    launch: Callable[[Place], Launch] = partial(_launch, named, task, configure, more)
    return Case(
        client="codex",
        name="Codex",
        api="responses",
        registry="npm",
        packages=("@openai/codex@0.171.0",),
        configure=configure,
        launch=launch,
        results=results,
        note=f"`~/.codex/config.toml`, and the key in `OPENAI_API_KEY`; {note}",
        **members,
    )


CASES = [
    _case(
        "the model and effort that it chooses by itself, with tools in a script",
        "",
        prompt(_script("kiro-one"), _script("kiro-two")),
        ("kiro-one", "kiro-two"),
        model=DEFAULT_MODEL,
        effort="low",
    ),
    _case("tools in namespaces", "claude-sonnet-4-6", COMMANDS, ("kiro-one", "kiro-two")),
    _case("a tool with a grammar", "gpt-5.5", EDIT, ("made.txt", "kiro-två")),
    _case("an MCP server behind its tool search", "gpt-5.5", SEARCH, ("add", "20"), more=MCP),
    _case(
        "a search of the web, then a command",
        "claude-sonnet-4-6",
        WEB,
        (FOUND, "kiro-one"),
        streamed=2,
        searches=1,
    ),
    _case(
        "a sub-agent",
        "",
        AGENT,
        ("compute", "kiro-one", "Wait completed"),
        streamed=5,
        model=DEFAULT_MODEL,
    ),
    _case(
        "its compaction, which it leaves to a provider of this name, in the middle of a task",
        "claude-sonnet-4-6",
        SUMMED,
        ("kiro-one", "kiro-two"),
        configure=COMPACTS,
        streamed=4,
    ),
    _case(
        "an answer that fails in the middle, and then is whole",
        "claude-sonnet-4-6",
        prompt(FIRST, end={**BROKEN, "times": 1, "then": {"text": [ANSWER]}}),
        ("kiro-one",),
        repeats=True,
    ),
    _case(
        "an answer that fails in the middle",
        "claude-sonnet-4-6",
        prompt(FIRST, end=BROKEN),
        ("kiro-one",),
        configure=NO_RETRIES,
        streamed=2,
        exit_status=1,
        prints=FAILED,
    ),
]
