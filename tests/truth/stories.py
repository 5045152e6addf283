"""Random answers of the upstream, cut at random places, and what a client may hear of them.

A story is what the upstream says: frames, and what each adds. What is heard of its beginning is
worked out here from the rules of the protocol alone, so that this is a second opinion on decoder,
gateway and dialects together.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from app.errors import Kind
from app.simulator.wire.frames import event
from tests.chaos.received import CallState

ALPHABET = 'abc xyz\n\t"\\{}[]:,é世界🙂\u2028\x7f</>&'
STOP_REASONS = {
    "END_TURN": "end_turn",
    "TOOL_USE": "tool_use",
    "MAX_TOKENS": "max_tokens",
    "CONTENT_FILTERED": "refusal",
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "context_window",
    "SOMETHING_NEW": "end_turn",
}


@dataclass
class Said:
    """What a client knows by some frame. ``calls``: what is written of each tool call's input, and
    whether it has ended, well or not. ``closing``: an event came that stands near the end only.
    """

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, CallState]] = field(default_factory=list)
    told: str | None = None
    closing: bool = False

    @property
    def anything(self) -> bool:
        return bool(self.text or self.thinking or self.calls)

    def stop(self) -> str:
        """Why an answer that ends properly here has ended."""
        if any(state != "whole" for _, state in self.calls):
            return self.told if self.told in ("refusal", "context_window") else "max_tokens"
        if self.told in (None, "end_turn", "tool_use"):
            return "tool_use" if self.calls else "end_turn"
        return self.told

    def copy(self) -> "Said":
        return Said(self.text, self.thinking, [*self.calls], self.told, self.closing)


class Story:
    """``frames`` one after the other; ``said[n]`` is what they say up to and with number n - 1."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.frames: list[bytes] = []
        self.said = [Said()]
        self._calls = 0
        for _ in range(random.randint(0, 6)):
            random.choice((self._text, self._text, self._thinking, self._tool, self._noise))()
        self._ending()

    def _add(self, kind: str, payload: dict[str, Any], said: Said | None = None) -> None:
        self.frames.append(event(kind, payload))
        self.said.append(said or self.said[-1].copy())

    def _words(self, longest: int = 12) -> str:
        size = self._random.randint(0, longest)
        return "".join(self._random.choices(ALPHABET, k=size))

    def _text(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            said = self.said[-1].copy()
            words = self._words()
            said.text += words
            self._add("assistantResponseEvent", {"content": words}, said)

    def _thinking(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            said = self.said[-1].copy()
            words = "t" + self._words()
            said.thinking += words
            self._add("reasoningContentEvent", {"text": words}, said)
        if self._random.random() < 0.7:
            self._add("reasoningContentEvent", {"signature": "c2lnbmVk"})

    def _tool(self) -> None:
        self._calls += 1
        identity = {"toolUseId": f"tooluse_{id(self):x}_{self._calls}", "name": "write"}
        given = {self._words(): self._words()} if self._random.random() < 0.8 else None
        written = "" if given is None else json.dumps(given, ensure_ascii=False)
        if written and self._random.random() < 0.1:
            written = written[:-1]  # stopped, but no JSON
        said = self.said[-1].copy()
        said.calls.append(("", "open"))
        self._add("toolUseEvent", identity, said)
        while written:
            size = self._random.randint(1, 9)
            piece, written = written[:size], written[size:]
            said = self.said[-1].copy()
            said.calls[-1] = (said.calls[-1][0] + piece, "open")
            self._add("toolUseEvent", identity | {"input": piece}, said)
        if self._random.random() < 0.9:
            said = self.said[-1].copy()
            said.calls[-1] = _stopped(said.calls[-1][0])
            self._add("toolUseEvent", identity | {"stop": True}, said)
        else:
            self._ended = True

    def _noise(self) -> None:
        self._random.choice(
            (
                lambda: self._add("newsEvent", {"content": "no", "text": "no"}),
                lambda: self._add("codeReferenceEvent", {"references": []}),
                lambda: self._add("messageMetadataEvent", {"conversationId": "c"}),
            )
        )()

    def _ending(self) -> None:
        if self._random.random() < 0.2:
            return
        said = self.said[-1].copy()
        said.closing = True
        self._add("meteringEvent", {"usage": 0.5, "unit": "credit"}, said)
        if self._random.random() < 0.6:
            name = self._random.choice([*STOP_REASONS])
            said = said.copy()
            said.told = STOP_REASONS[name]
            self._add("metadataEvent", {"stopReason": name}, said)


def _stopped(written: str) -> tuple[str, CallState]:
    try:
        whole = not written or isinstance(json.loads(written), dict)
    except ValueError:
        whole = False
    return written, "whole" if whole else "cut"


@dataclass(frozen=True)
class Telling:
    """A story as it is sent: its first ``size`` bytes, and what the end of HTTP says there: that
    the body is whole, that it is not, or nothing, when the connection's end is the body's.
    """

    story: Story
    size: int
    end: Literal["whole", "broken", "closed"]

    @property
    def body(self) -> bytes:
        return b"".join(self.story.frames)[: self.size]

    def arrived(self) -> tuple[Said, bool]:
        """What its whole frames say, and whether there is more than they."""
        at = count = 0
        for frame in self.story.frames:
            if at + len(frame) > self.size:
                break
            at += len(frame)
            count += 1
        return self.story.said[count], at < self.size

    def ends_well(self) -> bool:
        """Whether a client may hear of a normal end."""
        said, more = self.arrived()
        proved = self.end == "whole" or (self.end == "closed" and said.closing)
        return proved and not more and (said.anything or said.told is not None)


@dataclass(frozen=True)
class Heard:
    """What must be heard: of what was ``said``, ending with ``stop``, or with a failure."""

    said: Said
    stop: str | None
    begun: bool
    """Whether it begins as an answer; else it is a refusal."""


def told_to_stream(tellings: Sequence[Telling]) -> Heard:
    """What a client hears that asked for a stream: the first answer that says anything."""
    for telling in tellings:
        said, _ = telling.arrived()
        if telling.ends_well():
            return Heard(said, said.stop(), True)
        if said.anything:
            return Heard(said, None, True)
    return Heard(Said(), None, False)


def told_whole(tellings: Sequence[Telling]) -> Heard:
    """The same for a whole answer: one that breaks in content may be asked for once more."""
    broke = False
    for telling in tellings:
        said, _ = telling.arrived()
        if telling.ends_well():
            kept = said.copy()
            kept.calls = [call for call in kept.calls if call[1] == "whole"]
            return Heard(kept, said.stop(), True)
        if said.anything:
            if broke:
                break
            broke = True
    return Heard(Said(), None, False)


def tell(random: Random) -> Telling:
    """A random story, cut at a random place more often than not."""
    story = Story(random)
    size = sum(map(len, story.frames))
    if random.random() < 0.3:
        return Telling(story, size, random.choice(("whole", "whole", "closed")))
    if random.random() < 0.3:  # between two frames
        whole = random.randint(0, len(story.frames))
        size = sum(map(len, story.frames[:whole]))
    else:
        size = random.randint(0, size)
    return Telling(story, size, random.choice(("whole", "broken", "closed")))


FAILURES = (Kind.TRUNCATED, Kind.EMPTY)
"""What a telling that does not end well can be."""
