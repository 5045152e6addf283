"""OpenHands: its program for the terminal, without one, on all three APIs through LiteLLM.

It asks for whole answers. It reaches the Responses API with models whose names contain "gpt-5".
"""

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from clients.case import (
    BROKEN,
    FAILED,
    MARK,
    NESTED,
    PIECES,
    SPOKEN,
    Api,
    Case,
    Launch,
    Place,
    prompt,
)

CONFIGURE: dict[Api, str] = {
    "chat": "LLM_MODEL=openai/claude-sonnet-4-6\nLLM_BASE_URL={url}/v1\nLLM_API_KEY={key}",
    "messages": "LLM_MODEL=anthropic/claude-sonnet-4-6\nLLM_BASE_URL={url}\nLLM_API_KEY={key}",
    "responses": "LLM_MODEL=openai/gpt-5.5\nLLM_BASE_URL={url}/v1\nLLM_API_KEY={key}",
}
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENHANDS_SUPPRESS_BANNER": "1"}


def _command(word: str) -> tuple[str, Mapping[str, Any]]:
    """Return a call of its tool for commands."""
    given = {"command": f"echo {word}", "security_risk": "LOW", "summary": f"say {word}"}
    return "terminal", given


FIRST, SECOND = _command("kiro-one"), _command("kiro-two")
SENT: dict[Api, int] = {"chat": 3, "messages": 1, "responses": 1}
"""How often it sends a request that is answered with 502."""


def _launch(api: Api, task: str, options: tuple[str, ...], place: Place) -> Launch:
    settings = dict(line.split("=", 1) for line in place.fill(CONFIGURE[api]).splitlines())
    argv: list[str | Path] = [
        place.installed / "bin" / "openhands",
        *("--headless", "--override-with-envs", *options),
        *("--task", task),
    ]
    path = f"{_without_tmux(place)}:{os.environ['PATH']}"
    return Launch(argv, {**settings, **QUIET, "PATH": path})


def _without_tmux(place: Place) -> Path:
    """Return a directory for the path that hides tmux.

    OpenHands then runs commands in a terminal of its own on every machine. A server of tmux would
    outlive a run that is killed.
    """
    hidden = place.work.parent / "hidden"
    hidden.mkdir()
    (hidden / "tmux").write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    (hidden / "tmux").chmod(0o755)
    return hidden


def _case(api: Api, note: str, task: str, *options: str, **members: Any) -> Case:
    command = " ".join(["openhands --headless --override-with-envs", *options])
    return Case(
        client="openhands",
        name="OpenHands",
        api=api,
        registry="pypi",
        packages=("openhands==1.16.0", "litellm==1.110.2"),
        python="3.12",
        configure=CONFIGURE[api],
        launch=partial(_launch, api, task, options),
        streamed=0,
        note=f"`{command}`{note}",
        **members,
    )


def _whole(api: Api) -> Case:
    return _case(api, "", prompt(FIRST, SECOND), whole=3, results=("kiro-one", "kiro-two"))


def _broken(api: Api) -> Case:
    """Return a case in which it gives up: it says why in its events only."""
    return _case(
        api,
        "; an answer that fails in the middle",
        prompt(FIRST, end=BROKEN),
        "--json",
        whole=1,
        refused=SENT[api] * (502,),
        results=("kiro-one",),
        repeats=True,
        prints=FAILED,
    )


def _mended(api: Api) -> Case:
    """Return a case in which the gateway's own attempts fail, and the client asks again."""
    end = {**BROKEN, "times": 2, "then": {"text": PIECES}}
    return _case(
        api,
        "; an answer that fails in the middle, and then is whole",
        prompt(FIRST, end=end),
        whole=2,
        refused=(502,),
        results=("kiro-one",),
        repeats=True,
    )


def _overflow(api: Api) -> Case:
    """Return a case in which the result of a call is too long, until a summary replaces it.

    The summary is all that is left, so it is itself the prompt for the answer.
    """
    name, given = FIRST
    summary = MARK + json.dumps({"text": PIECES}, ensure_ascii=False)
    first = {**SPOKEN, "tool": {"name": name, "input": given}}
    steps = [{**first, "times": 1, "then": {"text": [summary]}}, {"fail": "too_long"}]
    task = json.dumps({"steps": steps}, ensure_ascii=False).replace(MARK, NESTED)
    return _case(
        api,
        "; an overflow, upon which it condenses the history and goes on",
        MARK + task,
        whole=3,
        refused=(400,),
        results=("kiro-one",),
        repeats=True,
    )


CASES = [
    *(make(api) for make in (_whole, _broken) for api in CONFIGURE),
    _mended("chat"),
    _overflow("chat"),
    _overflow("messages"),
]
