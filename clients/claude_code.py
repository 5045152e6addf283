"""Claude Code: Anthropic's agent for the terminal."""

from clients.case import Case, Launch, Place, prompt

CONFIGURE = "ANTHROPIC_BASE_URL={url}\nANTHROPIC_AUTH_TOKEN={key}"
QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
TASK = prompt(
    ("Bash", {"command": "echo kiro-one", "description": "First"}),
    ("Bash", {"command": "echo kiro-two", "description": "Second"}),
)


def _launch(place: Place) -> Launch:
    settings = dict(line.split("=", 1) for line in place.fill(CONFIGURE).splitlines())
    claude = place.installed / "node_modules" / ".bin" / "claude"
    return Launch([claude, "-p", TASK], {**settings, **QUIET})


CASES = [
    Case(
        client="claude-code",
        name="Claude Code",
        api="messages",
        registry="npm",
        packages=("@anthropic-ai/claude-code@2.1.332",),
        configure=CONFIGURE,
        launch=_launch,
        results=("kiro-one", "kiro-two"),
    )
]
