"""Codex: OpenAI's agent for the terminal. It speaks Responses and nothing else."""

from .case import Case, Launch, Place, prompt

CONFIGURE = """\
model_provider = "kiro"
model_providers.kiro = { name = "kiro", base_url = "{url}/v1", env_key = "OPENAI_API_KEY", \
wire_api = "responses" }"""
QUIET = """\
model = "claude-sonnet-4-6"
sandbox_mode = "danger-full-access"
analytics.enabled = false
check_for_update_on_startup = false
"""
TASK = prompt(
    ("exec_command", {"cmd": "echo kiro-one"}),
    ("exec_command", {"cmd": "echo kiro-two"}),
)


def _launch(place: Place) -> Launch:
    home = place.work.parent / "codex"
    home.mkdir()
    (home / "config.toml").write_text(QUIET + place.fill(CONFIGURE), encoding="utf-8")
    codex = place.installed / "node_modules" / ".bin" / "codex"
    return Launch(
        [codex, "exec", "--skip-git-repo-check", TASK],
        {"CODEX_HOME": str(home), "OPENAI_API_KEY": place.key},
    )


CASES = [
    Case(
        client="codex",
        name="Codex",
        api="responses",
        registry="npm",
        packages=("@openai/codex@0.169.0",),
        configure=CONFIGURE,
        launch=_launch,
        results=("kiro-one", "kiro-two"),
        note="`~/.codex/config.toml`, and the key in `OPENAI_API_KEY`",
    )
]
