"""aider: an agent that edits files with the text of the answer, and calls no tools.

Its loop is its test command: if that fails, its output goes back to the model. Here the first
answer writes a file that fails the test, and the second one corrects it.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from clients.case import ANSWER, BROKEN, Api, Case, Launch, Place

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


def _edit(content: str) -> dict[str, Any]:
    """Return an answer with a whole file, in aider's format."""
    return {"text": ["Here it is.\n\nanswer.txt\n```\n", content[:9], f"{content[9:]}\n```\n"]}


def _prompt(answer: Mapping[str, Any]) -> str:
    """Return a prompt for this answer of the simulator.

    It does not start with "!", since aider treats such a line as a shell command.
    """
    return "Please: !sim " + json.dumps(answer, ensure_ascii=False)


MEND = _prompt(_edit(ANSWER))
WRONG = _edit("The answer is 21.")


def _launch(api: Api, answer: Mapping[str, Any], place: Place) -> Launch:
    (place.work / "mend").write_text(MEND, encoding="utf-8")
    settings = dict(line.split("=", 1) for line in place.fill(CONFIGURE[api]).splitlines())
    options = ["--no-git", "--yes-always", "--edit-format", "whole", "--map-tokens", "0"]
    options += ["--auto-test", "--test-cmd", "grep 20 answer.txt || { cat mend; exit 1; }"]
    return Launch(
        [
            place.installed / "bin" / "aider",
            *("--model", f"{PROVIDERS[api]}/{MODEL}"),
            *options,
            *("--message", _prompt(answer)),
            "answer.txt",
        ],
        {**settings, **QUIET},
    )


def _case(api: Api, note: str, answer: Mapping[str, Any], **members: Any) -> Case:
    return Case(
        client="aider",
        name="aider",
        api=api,
        registry="pypi",
        packages=("aider-chat==0.86.2",),
        configure=CONFIGURE[api],
        launch=partial(_launch, api, answer),
        note=f"`aider --model {PROVIDERS[api]}/...`; {note}",
        **members,
    )


def _whole(api: Api) -> Case:
    return _case(api, "an edit, and its correction after a test", WRONG, streamed=2)


def _broken(api: Api) -> Case:
    return _case(
        api,
        "an answer that fails in the middle, and then is whole",
        {**BROKEN, "times": 1, "then": _edit(ANSWER)},
        streamed=2,
        repeats=True,
    )


def _overflow(api: Api) -> Case:
    """Return a case in which the conversation is too long: aider says so and what to do."""
    return _case(
        api,
        "an overflow, upon which it says how to shorten the conversation",
        {"fail": "too_long"},
        streamed=0,
        refused=(400,),
        repeats=True,
        prints="possibly exhausted context window!",
    )


CASES = [make(api) for make in (_whole, _broken, _overflow) for api in CONFIGURE]
