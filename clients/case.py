"""The definition of a case: one client, one API, one task."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Api = Literal["messages", "chat", "responses"]
Registry = Literal["npm", "pypi"]

PATHS: dict[Api, str] = {
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
}
PIECES = ["The answer ", "is 20", " — 二十."]
ANSWER = "".join(PIECES)
MARK, NESTED = "!sim ", "\\u0021sim "  # the simulator follows the last mark that it finds


SPOKEN = {"text": "One moment. "}
"""What a simulated model says before it calls a tool, as real ones do."""
THOUGHT = {"think": {"text": ["Which ", "tool?"], "signature": True}, **SPOKEN}
"""The same after some reasoning."""


BROKEN = {"text": ["The half"], "exception": "internal"}
"""A step of a prompt: an answer that fails in the middle."""
FAILED = "The upstream failed. Try again"
"""How the gateway tells of it."""


def prompt(
    *calls: tuple[str, Mapping[str, Any]],
    answer: Sequence[str] = PIECES,
    end: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] = SPOKEN,
) -> str:
    """Return a prompt that makes the simulator call these tools, one a turn, and then answer.

    ``before`` is what it says before each call. ``end`` is the last step, if not ``answer`` in
    text. A prompt may stand in the arguments of a call, as the task of a sub-agent.
    """
    tools = [{**before, "tool": {"name": name, "input": given}} for name, given in calls]
    steps = [*tools, end or {"text": list(answer)}]
    return MARK + json.dumps({"steps": steps}, ensure_ascii=False).replace(MARK, NESTED)


@dataclass(frozen=True)
class Place:
    """The place of a run: the installation, an empty working directory, and the gateway."""

    installed: Path
    work: Path
    url: str
    key: str

    def fill(self, text: str) -> str:
        """Replace {url} and {key} in the text of a setting."""
        return text.replace("{url}", self.url).replace("{key}", self.key)


@dataclass(frozen=True)
class Launch:
    """A command, its standard input, and its additional environment variables."""

    argv: Sequence[str | Path]
    environ: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""


@dataclass(frozen=True)
class Case:
    """One client on one API.

    ``packages`` are the pinned requirements, the client first. ``configure`` is the configuration
    that a user sets, with {url} and {key}. A run must make ``streamed`` requests for a stream and
    ``whole`` requests without one. ``results`` are parts of the tool results in order. ``prints``
    and each of ``shows`` must be in the client's output, and ``exit_status`` is that of the client.

    ``model`` and ``effort``, if given, must reach the upstream with every request, and
    ``documents`` (name.format) in this order. ``fetches`` are further paths that the client must
    ask for. ``repeats``: the client or the gateway may send the same request again, since its
    answer failed. The gateway searches the web ``searches`` times, and asks the model once more
    after each. ``refused`` are the statuses of the requests that the gateway must refuse.
    ``same_major``: an older major version is meant, which no newer one is to replace.
    ``python``: the minor version of Python that the client needs, if not ours.
    """

    client: str
    name: str
    api: Api
    registry: Registry
    packages: tuple[str, ...]
    configure: str
    launch: Callable[[Place], Launch]
    streamed: int = 3
    whole: int = 0
    results: tuple[str, ...] = ()
    prints: str = ANSWER
    shows: tuple[str, ...] = ()
    exit_status: int = 0
    model: str = ""
    effort: str = ""
    documents: tuple[str, ...] = ()
    searches: int = 0
    fetches: tuple[str, ...] = ()
    repeats: bool = False
    refused: tuple[int, ...] = ()
    same_major: bool = False
    python: str = ""
    note: str = ""

    @property
    def version(self) -> str:
        """The client's own version."""
        return self.packages[0].rpartition("==" if self.registry == "pypi" else "@")[2]
