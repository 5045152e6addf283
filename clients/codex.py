"""Codex: OpenAI's agent for the terminal. It speaks Responses only.

Its tools depend on the model's name: for an unknown model they include a namespace of tools, for
an OpenAI model a tool whose input is not JSON but follows a grammar.
"""

from functools import partial

from clients.case import Case, Launch, Place, prompt

CONFIGURE = """\
model_provider = "kiro"
model_providers.kiro = { name = "kiro", base_url = "{url}/v1", env_key = "OPENAI_API_KEY", \
wire_api = "responses" }"""
QUIET = """
sandbox_mode = "danger-full-access"
analytics.enabled = false
check_for_update_on_startup = false
"""
PATCH = "*** Begin Patch\n*** Add File: made.txt\n+kiro-två\n*** End Patch\n"
COMMANDS = prompt(
    ("exec_command", {"cmd": "echo kiro-one"}),
    ("exec_command", {"cmd": "echo kiro-two"}),
)
EDIT = prompt(
    ("apply_patch", {"input": PATCH}),
    ("exec_command", {"cmd": "cat made.txt"}),
)


def _launch(model: str, task: str, place: Place) -> Launch:
    home = place.work.parent / "codex"
    home.mkdir()
    config = f'model = "{model}"\n{place.fill(CONFIGURE)}{QUIET}'
    (home / "config.toml").write_text(config, encoding="utf-8")
    codex = place.installed / "node_modules" / ".bin" / "codex"
    return Launch(
        [codex, "exec", "--skip-git-repo-check", task],
        {"CODEX_HOME": str(home), "OPENAI_API_KEY": place.key},
    )


def _case(model: str, task: str, results: tuple[str, ...], note: str) -> Case:
    return Case(
        client="codex",
        name="Codex",
        api="responses",
        registry="npm",
        packages=("@openai/codex@0.171.0",),
        configure=CONFIGURE,
        launch=partial(_launch, model, task),
        results=results,
        note=f"`~/.codex/config.toml`, and the key in `OPENAI_API_KEY`; {note}",
    )


CASES = [
    _case("claude-sonnet-4-6", COMMANDS, ("kiro-one", "kiro-two"), "tools in namespaces"),
    _case("gpt-5.5", EDIT, ("made.txt", "kiro-två"), "a tool with a grammar"),
]
