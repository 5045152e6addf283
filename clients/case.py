"""What a case is: one client, speaking one API, on one task."""

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


def prompt(*calls: tuple[str, Mapping[str, Any]], answer: Sequence[str] = PIECES) -> str:
    """A prompt that makes the simulator call these tools, one a turn, and then answer."""
    tools = [{"tool": {"name": name, "input": arguments}} for name, arguments in calls]
    steps = [*tools, {"text": list(answer)}]
    return "!sim " + json.dumps({"steps": steps}, ensure_ascii=False)


@dataclass(frozen=True)
class Place:
    """Where a client runs: what it is installed in, an empty directory to work in, the gateway."""

    installed: Path
    work: Path
    url: str
    key: str

    def fill(self, text: str) -> str:
        """Put base URL and key into the text of a setting."""
        return text.replace("{url}", self.url).replace("{key}", self.key)


@dataclass(frozen=True)
class Launch:
    """A command, what it reads, and what its environment has beyond the usual."""

    argv: Sequence[str | Path]
    environ: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""


@dataclass(frozen=True)
class Case:
    """One client on one API.

    ``packages`` are the pinned requirements, that of the client first. ``configure`` is what a
    user sets to use the gateway, with {url} and {key}. A run has to make ``streamed`` requests that
    ask for a stream and ``whole`` that do not; ``results`` are texts that the tools gave and that
    must have come back in this order; ``prints`` is what must be in the client's output.
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
    note: str = ""

    @property
    def version(self) -> str:
        """The client's own version."""
        return self.packages[0].rpartition("==" if self.registry == "pypi" else "@")[2]
