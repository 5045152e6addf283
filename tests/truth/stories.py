"""Random answers of the upstream, cut at random places, and the answers that a client must receive.

A story is a sequence of frames with the content that each adds. The expected answers are derived
from the rules of the protocol alone: a second, independent implementation of what decoder, gateway
and dialects do together.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any, Literal, Self

from app.common.errors import Kind
from app.simulator.wire.frames import event
from tests.chaos.received import CallState

ALPHABET = 'abc xyz\n\t"\\{}[]:,é世界🙂\u2028\x7f</>&'
STOP_REASONS = {
    "END_TURN": "end_turn",
    "TOOL_USE": "tool_use",
    "MAX_TOKENS": "max_tokens",
    "CONTENT_FILTERED": "refusal",
    "PAUSE_TURN": "pause_turn",
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "context_window",
    "SOMETHING_NEW": "end_turn",
}


@dataclass
class Content:
    """The content of all frames up to some frame.

    ``run`` is the text since other content. ``calls``: the input and the state of each tool call.
    ``stop_reason``: the one that the upstream sent. ``has_trailer``: an event arrived that is sent
    near the end only.
    """

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, CallState]] = field(default_factory=list)
    stop_reason: str | None = None
    has_trailer: bool = False
    run: str = ""

    @property
    def is_visible(self) -> bool:
        """Whether a client sees any of it."""
        return bool(self.text or self.thinking or self.calls)

    def final_stop_reason(self) -> str:
        """Return the stop reason of an answer that ends normally here."""
        if any(state != "whole" for _, state in self.calls):
            keeps_reason = self.stop_reason in ("refusal", "context_window")
            return self.stop_reason if self.stop_reason and keeps_reason else "max_tokens"
        if self.stop_reason == "pause_turn" and self.calls:
            return "tool_use"
        if self.stop_reason is None or self.stop_reason in ("end_turn", "tool_use"):
            return "tool_use" if self.calls else "end_turn"
        return self.stop_reason

    def copy(self) -> Self:
        return type(self)(
            self.text, self.thinking, [*self.calls], self.stop_reason, self.has_trailer, self.run
        )


class Story:
    """``frames`` in order; ``content[n]`` is the content of the first n frames."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.frames: list[bytes] = []
        self.content = [Content()]
        self._calls = 0
        for _ in range(random.randint(0, 6)):
            random.choice((self._text, self._text, self._thinking, self._tool, self._noise))()
        self._ending()

    def _add(self, kind: str, payload: dict[str, Any], content: Content | None = None) -> None:
        self.frames.append(event(kind, payload))
        self.content.append(content or self.content[-1].copy())

    def _random_text(self, longest: int = 12) -> str:
        size = self._random.randint(0, longest)
        return "".join(self._random.choices(ALPHABET, k=size))

    def _text(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            content = self.content[-1].copy()
            words = self._random_text()
            content.text += words
            content.run += words
            self._add("assistantResponseEvent", {"content": words}, content)

    def _thinking(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            content = self.content[-1].copy()
            words = "t" + self._random_text()
            content.thinking += words
            content.run = ""
            self._add("reasoningContentEvent", {"text": words}, content)
        if self._random.random() < 0.7:
            self._add("reasoningContentEvent", {"signature": "c2lnbmVk"})

    def _tool(self) -> None:
        self._calls += 1
        identity = {"toolUseId": f"tooluse_{id(self):x}_{self._calls}", "name": "write"}
        given = {self._random_text(): self._random_text()} if self._random.random() < 0.8 else None
        written = "" if given is None else json.dumps(given, ensure_ascii=False)
        if written and self._random.random() < 0.1:
            written = written[:-1]  # has a stop event, but is not JSON
        content = self.content[-1].copy()
        content.calls.append(("", "open"))
        content.run = ""
        self._add("toolUseEvent", identity, content)
        while written:
            size = self._random.randint(1, 9)
            piece, written = written[:size], written[size:]
            content = self.content[-1].copy()
            content.calls[-1] = (content.calls[-1][0] + piece, "open")
            self._add("toolUseEvent", identity | {"input": piece}, content)
        if self._random.random() < 0.9:
            content = self.content[-1].copy()
            content.calls[-1] = _ended_call(content.calls[-1][0])
            self._add("toolUseEvent", identity | {"stop": True}, content)

    def holds_text_back(self) -> bool:
        """Return whether text comes while a call is open: it is sent on when the call has ended."""
        return any(
            later.text != content.text and any(state == "open" for _, state in content.calls)
            for content, later in pairwise(self.content)
        )

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
        content = self.content[-1].copy()
        content.has_trailer = True
        self._add("meteringEvent", {"usage": 0.5, "unit": "credit"}, content)
        if self._random.random() < 0.6:
            name = self._random.choice([*STOP_REASONS])
            content = content.copy()
            content.stop_reason = STOP_REASONS[name]
            self._add("metadataEvent", {"stopReason": name}, content)


def _ended_call(written: str) -> tuple[str, CallState]:
    try:
        whole = not written or isinstance(json.loads(written), dict)
    except ValueError:
        whole = False
    return written, "whole" if whole else "cut"


@dataclass(frozen=True)
class Transmission:
    """The first ``size`` bytes of a story, and how the HTTP body ends after them.

    ``end``: "whole" proves that the body is complete, "broken" that it is not; "closed" proves
    nothing, since the body ends with the connection.
    """

    story: Story
    size: int
    end: Literal["whole", "broken", "closed"]

    @property
    def body(self) -> bytes:
        return b"".join(self.story.frames)[: self.size]

    def received_content(self) -> tuple[Content, bool]:
        """Return the content of the complete frames, and whether a part of another frame
        follows."""
        at = count = 0
        for frame in self.story.frames:
            if at + len(frame) > self.size:
                break
            at += len(frame)
            count += 1
        return self.story.content[count], at < self.size

    def stopped(self, sequences: Sequence[str]) -> Content | None:
        """Return the content up to the first of the stop sequences, if any was received."""
        received = 0
        for frame, content in zip(self.story.frames, self.story.content[1:], strict=True):
            received += len(frame)
            if received > self.size:
                return None
            for end in range(1, len(content.run) + 1):
                found = [one for one in sequences if content.run[:end].endswith(one)]
                if found:
                    kept = content.copy()
                    behind = len(content.run) - end + max(map(len, found))
                    kept.text = content.text[: len(content.text) - behind]
                    return kept
        return None

    def is_complete(self) -> bool:
        """Return whether the body is proved to be all of an answer."""
        content, has_partial_frame = self.received_content()
        is_proved = self.end == "whole" or (self.end == "closed" and content.has_trailer)
        return is_proved and not has_partial_frame

    def ends_normally(self) -> bool:
        """Return whether a client may see a normal end."""
        content, _ = self.received_content()
        return self.is_complete() and (content.is_visible or content.stop_reason is not None)

    def is_billed_for_nothing(self) -> bool:
        """Return whether it is an empty answer that was billed: another would be, too."""
        content, _ = self.received_content()
        return self.is_complete() and not self.ends_normally() and content.has_trailer


@dataclass(frozen=True)
class ExpectedAnswer:
    """The answer that a client must receive: ``content``, then ``stop`` or, if None, a failure."""

    content: Content
    stop: str | None
    begun: bool
    """Whether the answer begins with status 200; else it is a refusal."""


def _stopped(content: Content) -> ExpectedAnswer:
    is_whole = all(state == "whole" for _, state in content.calls)
    return ExpectedAnswer(content, "stop_sequence" if is_whole else "max_tokens", True)


def expected_stream(
    transmissions: Sequence[Transmission], sequences: Sequence[str] = ()
) -> ExpectedAnswer:
    """Return what a client with streaming receives: the first answer with content."""
    for transmission in transmissions:
        if (kept := transmission.stopped(sequences)) is not None:
            return _stopped(kept)
        content, _ = transmission.received_content()
        if transmission.ends_normally():
            return ExpectedAnswer(content, content.final_stop_reason(), True)
        if content.is_visible:
            return ExpectedAnswer(content, None, True)
        if transmission.is_billed_for_nothing():
            break
    return ExpectedAnswer(Content(), None, False)


def expected_whole(
    transmissions: Sequence[Transmission], sequences: Sequence[str] = ()
) -> ExpectedAnswer:
    """Do the same without streaming: an answer that breaks off in content may be retried once."""
    broke = False
    for transmission in transmissions:
        if (stopped := transmission.stopped(sequences)) is not None:
            answer = _stopped(stopped)
            stopped.calls = [call for call in stopped.calls if call[1] == "whole"]
            return answer
        content, _ = transmission.received_content()
        if transmission.ends_normally():
            kept = content.copy()
            kept.calls = [call for call in kept.calls if call[1] == "whole"]
            return ExpectedAnswer(kept, content.final_stop_reason(), True)
        if content.is_visible:
            if broke:
                break
            broke = True
        elif transmission.is_billed_for_nothing():
            break
    return ExpectedAnswer(Content(), None, False)


def random_transmission(random: Random) -> Transmission:
    """Return a random story, which is cut at a random place in most cases."""
    story = Story(random)
    size = sum(map(len, story.frames))
    if random.random() < 0.3:
        return Transmission(story, size, random.choice(("whole", "whole", "closed")))
    if random.random() < 0.3:  # between two frames
        whole = random.randint(0, len(story.frames))
        size = sum(map(len, story.frames[:whole]))
    else:
        size = random.randint(0, size)
    return Transmission(story, size, random.choice(("whole", "broken", "closed")))


def random_sequences(random: Random, transmissions: Sequence[Transmission]) -> list[str]:
    """Return up to four stop sequences, most of them from the texts."""
    found = []
    for transmission in transmissions:
        text = random.choice(transmission.story.content).run
        start = random.randint(0, len(text))
        found.append(text[start : start + random.randint(1, 6)])
    return [sequence for sequence in (*found, "never said") if sequence.strip()]


FAILURES = (Kind.TRUNCATED, Kind.EMPTY)
"""The failures of a transmission that does not end normally."""
