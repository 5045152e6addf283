"""aider: an agent that edits files with the text of the answer, and calls no tools.

Its loop is its test command: if that fails, its output goes back to the model. Here the first
answer writes a file that fails the test, and the second one corrects it.
"""

import json
from functools import partial

from clients.case import ANSWER, Api, Case, Launch, Place

MODEL = "claude-sonnet-4-6"
CONFIGURE: dict[Api, str] = {
    "chat": "OPENAI_API_BASE={url}/v1\nOPENAI_API_KEY={key}",
    "messages": "ANTHROPIC_API_BASE={url}\nANTHROPIC_API_KEY={key}",
}
PROVIDERS: dict[Api, str] = {"chat": "openai", "messages": "anthropic"}
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "AIDER_ANALYTICS": "false",
    "AIDER_CHECK_UPDATE": "false",
    "AIDER_SHOW_RELEASE_NOTES": "false",
    "AIDER_SHOW_MODEL_WARNINGS": "false",
    "AIDER_GITIGNORE": "false",
    "AIDER_DETECT_URLS": "false",
    "AIDER_PRETTY": "false",
}


def _edit(content: str) -> str:
    """Return a prompt that makes the simulator answer with a whole file, in aider's format.

    It does not start with "!", since aider treats such a line as a shell command.
    """
    pieces = ["Here it is.\n\nanswer.txt\n```\n", content[:9], f"{content[9:]}\n```\n"]
    return "Please: !sim " + json.dumps({"text": pieces}, ensure_ascii=False)


def _launch(api: Api, place: Place) -> Launch:
    (place.work / "mend").write_text(_edit(ANSWER), encoding="utf-8")
    settings = dict(line.split("=", 1) for line in place.fill(CONFIGURE[api]).splitlines())
    options = ["--no-git", "--yes-always", "--edit-format", "whole", "--map-tokens", "0"]
    options += ["--auto-test", "--test-cmd", "grep 20 answer.txt || { cat mend; exit 1; }"]
    return Launch(
        [
            place.installed / "bin" / "aider",
            *("--model", f"{PROVIDERS[api]}/{MODEL}"),
            *options,
            *("--message", _edit("The answer is 21.")),
            "answer.txt",
        ],
        {**settings, **QUIET},
    )


CASES = [
    Case(
        client="aider",
        name="aider",
        api=api,
        registry="pypi",
        packages=("aider-chat==0.86.2",),
        configure=CONFIGURE[api],
        launch=partial(_launch, api),
        streamed=2,
        note=f"`aider --model {PROVIDERS[api]}/...`; an edit, and its correction after a test",
    )
    for api in CONFIGURE
]
