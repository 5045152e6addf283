"""Framing: messages are decoded as sent, however they are cut, and each damage has its error."""

import base64
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.eventstream import frames as wire_format
from app.eventstream.frames import Frame, FrameDecoder, FrameError
from tests.eventstream.cases import DAMAGES, RandomMessage, cut, messages, places, prelude
from tests.eventstream.wire import Typed, event, frame, header, message

VECTORS = Path(__file__).parents[1] / "vectors"
AWS = VECTORS / "aws-sdk-go"
Outcome = tuple[list[Frame], type[FrameError] | None]


def replay(pieces: Iterable[bytes | memoryview]) -> Outcome:
    """Return all frames of a stream fed in ``pieces``, and its error."""
    decoder = FrameDecoder()
    frames: list[Frame] = []
    try:
        for piece in pieces:
            frames += decoder.feed(piece)
        decoder.eof()
    except FrameError as error:
        return [*frames, *error.frames], type(error)
    return frames, None


def every_way(data: bytes, places: Iterable[int] = (1, 5, 11, 12, 13, 40, 97)) -> Outcome:
    """Return the outcome of a stream; it must be the same whole, byte by byte and in pieces."""
    whole = replay([data])
    assert replay(cut(data, range(len(data)))) == whole
    assert replay(cut(data, places)) == whole
    assert replay(memoryview(data)[i : i + 7] for i in range(0, len(data), 7)) == whole
    return whole


# ---- published vectors ---------------------------------------------------------------------------


def expected_value(entry: Mapping[str, Any]) -> object:
    value = entry["value"]
    if entry["type"] in (6, 9):
        return base64.b64decode(value)
    return base64.b64decode(value).decode() if entry["type"] == 7 else value


@pytest.mark.parametrize("path", sorted((AWS / "encoded/positive").iterdir()), ids=lambda p: p.name)
@given(places=places)
def test_published_message(path: Path, places: list[int]) -> None:
    decoded = json.loads((AWS / "decoded/positive" / path.name).read_text())
    frames, failure = every_way(path.read_bytes(), places)
    assert failure is None
    assert [dict(f.headers) for f in frames] == [
        {entry["name"]: expected_value(entry) for entry in decoded["headers"] or []}
    ]
    assert frames[0].payload == base64.b64decode(decoded["payload"] or "")


NEGATIVE = {
    "Prelude checksum mismatch": wire_format.PreludeChecksumMismatch,
    "Message checksum mismatch": wire_format.MessageChecksumMismatch,
}


@pytest.mark.parametrize("path", sorted((AWS / "encoded/negative").iterdir()), ids=lambda p: p.name)
@given(places=places)
def test_published_damage(path: Path, places: list[int]) -> None:
    error = (AWS / "decoded/negative" / path.name).read_text().strip()
    assert every_way(path.read_bytes(), places) == ([], NEGATIVE[error])


def summary(frame: Frame) -> dict[str, Any]:
    names = {
        ":event-type": "event",
        ":exception-type": "exception",
        ":error-code": "error_code",
        ":error-message": "error_message",
    }
    found = {names[name]: value for name, value in frame.headers.items() if name in names}
    return found | ({"payload": json.loads(frame.payload)} if frame.payload else {})


@pytest.mark.parametrize(
    "path", sorted((VECTORS / "synthetic").glob("*.bin")), ids=lambda p: p.stem
)
@given(places=places)
def test_conversation_vectors(path: Path, places: list[int]) -> None:
    expected = json.loads(path.with_suffix(".json").read_text())
    frames, failure = every_way(path.read_bytes(), places)
    if path.stem == "cut_mid_frame":
        assert failure is wire_format.TruncatedMessage
        assert frames
    else:
        assert failure is None
        assert [summary(frame) for frame in frames] == expected


# ---- identity ------------------------------------------------------------------------------------


@given(sent=st.lists(messages, max_size=6), places=places)
def test_messages_are_decoded_as_sent(sent: list[RandomMessage], places: list[int]) -> None:
    stream = b"".join(frame(headers, payload) for headers, payload in sent)
    frames, failure = every_way(stream, places)
    assert failure is None
    assert [(dict(f.headers), f.payload) for f in frames] == [
        ({name: typed.value for name, typed in headers.items()}, payload)
        for headers, payload in sent
    ]


@given(sent=st.lists(messages, min_size=1, max_size=4), data=st.data())
def test_a_flipped_bit_never_passes(sent: list[RandomMessage], data: st.DataObject) -> None:
    """Frames before the damage are returned, those after it are not, and the stream fails."""
    parts = [frame(headers, payload) for headers, payload in sent]
    stream = bytearray(b"".join(parts))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= 1 << data.draw(st.integers(0, 7))
    good = 0
    while at >= len(parts[good]):
        at -= len(parts[good])
        good += 1
    frames, failure = every_way(bytes(stream))
    assert frames == replay(parts[:good])[0]
    assert failure is not None


# ---- every error ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_has_its_error_and_keeps_the_frames_before_it(name: str) -> None:
    damaged, failure = DAMAGES[name]
    good = event("assistantResponseEvent", {"content": "ok"})
    assert every_way(good + damaged) == (replay([good])[0], failure)


def test_every_error_class_is_tested_and_derives_from_frame_error() -> None:
    met = {failure for _, failure in DAMAGES.values()}
    assert met == set(FrameError.__subclasses__())
    assert all(failure.__bases__ == (FrameError,) for failure in met)


def test_a_wrong_prelude_fails_as_soon_as_it_is_complete() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(prelude(1000, 0)[:11]) == []
    with pytest.raises(wire_format.PreludeChecksumMismatch):
        decoder.feed(b"?")


def test_a_failure_is_final_and_its_frames_are_returned_once() -> None:
    decoder = FrameDecoder()
    with pytest.raises(wire_format.UnknownHeaderType) as first:
        decoder.feed(event("e", {}) + message(b"\x01a\x0a", b""))
    assert len(first.value.frames) == 1
    for again in (lambda: decoder.feed(event("e", {})), lambda: decoder.feed(b""), decoder.eof):
        with pytest.raises(wire_format.UnknownHeaderType, match=str(first.value)) as later:
            again()
        assert not later.value.frames


def test_the_limits_themselves_are_accepted() -> None:
    longest_name_first = header("n" * 255, Typed(6, b"x" * 65535))
    rest = wire_format.MAX_HEADERS - len(longest_name_first)
    block = longest_name_first + header("m", Typed(6, b"y" * (rest - 5)))
    assert len(block) == wire_format.MAX_HEADERS
    payload = bytes(wire_format.MAX_MESSAGE - len(block) - 16)
    frames, failure = replay([message(block, payload)])
    assert failure is None
    assert frames[0].payload == payload
    assert frames[0].headers["m"] == b"y" * (rest - 5)


# ---- sharing and cost ----------------------------------------------------------------------------


def test_headers_are_shared_and_cannot_be_written() -> None:
    first, second = FrameDecoder().feed(event("e", {"a": 1}) + event("e", {"a": 2}))
    assert first.headers is second.headers
    with pytest.raises(TypeError):
        first.headers["x"] = "y"  # type: ignore[index]


def test_the_header_cache_is_bounded() -> None:
    FrameDecoder().feed(b"".join(event(f"event{n}", {}) for n in range(1000)))
    FrameDecoder().feed(b"".join(frame({f"h{n}": "x" * 5000}) for n in range(100)))
    known = wire_format._known_headers.cache_info()
    assert known.maxsize == 256
    assert known.currsize <= known.maxsize
    big = frame({"big": "x" * 5000})
    one, two = FrameDecoder().feed(big + big)
    assert one == two
    assert one.headers is not two.headers


def test_few_beginnings_of_messages_are_known() -> None:
    for length in range(2 * wire_format._MOST_KNOWN):
        FrameDecoder().feed(event("e", b"x" * length))
    assert 0 < len(wire_format._KNOWN) <= wire_format._MOST_KNOWN
    FrameDecoder().feed(frame({"big": "x" * wire_format._LONGEST_KNOWN}))
    assert max(map(len, wire_format._KNOWN)) <= wire_format._LONGEST_KNOWN


def test_a_known_beginning_is_no_proof_of_the_rest() -> None:
    message = event("e", {"a": 1})
    decoder = FrameDecoder()
    decoder.feed(message)
    with pytest.raises(wire_format.MessageChecksumMismatch):
        decoder.feed(message.replace(b"1}", b"2}"))


def test_a_buffer_may_be_reused_after_the_feed() -> None:
    buffer = bytearray(event("e", {"a": 1}))
    frames = FrameDecoder().feed(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert frames[0].payload == b'{"a": 1}'
    assert frames[0].headers[":event-type"] == "e"


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of the fastest of several runs, to exclude other load of the machine."""
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def test_a_large_frame_costs_as_much_per_byte_as_a_small_one() -> None:
    def in_pieces(size: int) -> float:
        stream = event("e", b"x" * size)
        pieces = [stream[i : i + 8192] for i in range(0, len(stream), 8192)]
        return seconds(lambda: replay(pieces)) / size

    assert in_pieces(16 << 20) < 4 * in_pieces(1 << 20)  # quadratic would be 16 times


def test_many_frames_in_one_feed_cost_as_much_each_as_few() -> None:
    def in_one_feed(count: int) -> float:
        stream = event("e", {"content": "hello"}) * count
        return seconds(lambda: replay([stream])) / count

    assert in_one_feed(100_000) < 4 * in_one_feed(2_000)  # quadratic would be 50 times


def test_single_bytes_cost_the_same_early_and_late_in_a_frame() -> None:
    def byte_by_byte(size: int) -> float:
        stream = event("e", b"x" * size)
        pieces = [stream[i : i + 1] for i in range(len(stream))]
        return seconds(lambda: replay(pieces)) / size

    assert byte_by_byte(200_000) < 4 * byte_by_byte(10_000)  # quadratic would be 20 times
