"""The frame decoder against botocore's: same messages, and both refuse the same damage.

botocore checks less in four places. There the decoder here must refuse, and botocore may accept:

- a header value that ends early: botocore returns the bytes that remain (strings, byte arrays,
  UUIDs) or refuses (integers);
- an empty header name;
- a headers length that exceeds the message: botocore reads the header block beyond its end;
- a total length below 16: botocore accepts a message that is only a prelude, since the message
  checksum of no bytes equals the checksum of the prelude.

A fifth difference needs 24 MiB, and is not tested here: botocore limits the payload to 24 MiB, the
decoder here the whole message. botocore is stricter nowhere.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from app.eventstream import frames
from app.eventstream.frames import FrameDecoder, FrameError
from app.simulator.wire import frames as simulator
from tests.eventstream.cases import DAMAGES, RandomMessage, cut, messages, places, prelude
from tests.eventstream.wire import frame, message

VECTORS = Path(__file__).parents[1] / "vectors"
ENCODED = [
    *sorted((VECTORS / "aws-sdk-go/encoded").rglob("*")),
    *sorted((VECTORS / "synthetic").glob("*.bin")),
]
ACCEPTED_BY_BOTOCORE = {"half a string", "half a uuid", "no name"}
"""The damages in :data:`DAMAGES` that botocore accepts."""

MAY_BE_ACCEPTED = (
    frames.HeaderTruncated,
    frames.InvalidHeaderName,
    frames.HeadersOverrun,
    frames.MessageTooShort,
)
Message = tuple[dict[str, Any], bytes]


def decode(pieces: Iterable[bytes]) -> tuple[list[Message], FrameError | None]:
    """Return the messages that the decoder finds, and its error."""
    decoder = FrameDecoder()
    found: list[frames.Frame] = []
    failure: FrameError | None = None
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        decoder.eof()
    except FrameError as error:
        found += error.frames
        failure = error
    return [(dict(each.headers), each.payload) for each in found], failure


def decode_with_botocore(pieces: list[bytes]) -> tuple[list[Message], bool]:
    """Return the messages that botocore finds, and whether it refuses the stream.

    botocore has no end of input: bytes after the last message count as a refusal.
    """
    buffer = EventStreamBuffer()
    found: list[Message] = []
    used = 0
    try:
        for piece in pieces:
            buffer.add_data(piece)
            for each in buffer:
                found.append((each.headers, each.payload))
                used += each.prelude.total_length
    except (ParserError, struct.error, UnicodeDecodeError, KeyError):
        return found, True
    return found, used != sum(map(len, pieces))


def compare(pieces: list[bytes]) -> None:
    """Decode with both, and compare."""
    found, failure = decode(pieces)
    found_by_botocore, refused = decode_with_botocore(pieces)
    if isinstance(failure, MAY_BE_ACCEPTED):
        assert found_by_botocore[: len(found)] == found
    else:
        assert found_by_botocore == found
        assert refused == (failure is not None)


def check_valid(pieces: list[bytes], count: int) -> None:
    """Decode with both: they must find the same ``count`` messages and accept the stream."""
    found, failure = decode(pieces)
    assert (len(found), failure) == (count, None)
    assert decode_with_botocore(pieces) == (found, False)


@pytest.mark.parametrize("path", ENCODED, ids=lambda path: path.name)
@given(places=places)
def test_vectors(path: Path, places: list[int]) -> None:
    if path.is_file():
        compare(cut(path.read_bytes(), places))


@given(sent=st.lists(messages, max_size=6), places=places)
def test_messages_with_headers_of_every_type(sent: list[RandomMessage], places: list[int]) -> None:
    stream = b"".join(frame(headers, payload) for headers, payload in sent)
    check_valid(cut(stream, places), len(sent))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
encodable = st.text(st.characters(codec="utf-8"), max_size=40)
simulated_frames = st.one_of(
    st.builds(simulator.event, encodable, json_values),
    st.builds(simulator.exception, encodable, encodable, st.none() | encodable),
    st.builds(simulator.error, encodable, encodable),
)


@given(sent=st.lists(simulated_frames, max_size=6), places=places)
def test_frames_of_the_simulator(sent: list[bytes], places: list[int]) -> None:
    check_valid(cut(b"".join(sent), places), len(sent))


@pytest.mark.parametrize("name", DAMAGES)
@given(before=st.lists(simulated_frames, max_size=2), places=places)
def test_every_kind_of_damage(name: str, before: list[bytes], places: list[int]) -> None:
    damaged, error = DAMAGES[name]
    pieces = cut(b"".join([*before, damaged]), places)
    assert isinstance(decode(pieces)[1], error)
    found, refused = decode_with_botocore(pieces)
    assert refused == (name not in ACCEPTED_BY_BOTOCORE)
    assert len(found) == len(before) + (not refused)


def test_what_only_botocore_accepts() -> None:
    only_a_prelude = prelude(12, 0)
    assert decode_with_botocore([only_a_prelude]) == ([({}, b"")], False)
    assert isinstance(decode([only_a_prelude])[1], frames.MessageTooShort)
    cut_value = message(b"\x01a\x07\x00\x03xy", b"")
    assert decode_with_botocore([cut_value]) == ([({"a": "xy"}, b"")], False)
    assert isinstance(decode([cut_value])[1], frames.HeaderTruncated)


mutations = st.lists(
    st.tuples(st.sampled_from(("flip", "insert", "delete")), st.integers(0), st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    """Return ``data`` with the changes applied in order."""
    changed = bytearray(data)
    for kind, place, new in changes:
        at = place % (len(changed) + 1)
        if kind == "insert":
            changed[at:at] = new
        elif kind == "delete":
            del changed[at : at + len(new)]
        else:
            changed[at : at + len(new)] = new[: len(changed) - at]
    return bytes(changed)


streams = st.lists(
    simulated_frames | messages.map(lambda sent: frame(*sent)), min_size=1, max_size=4
).map(b"".join)


@given(stream=streams, changes=mutations, places=places)
def test_mutated_streams(
    stream: bytes, changes: list[tuple[str, int, bytes]], places: list[int]
) -> None:
    compare(cut(mutated(stream, changes), places))


@given(sent=messages, changes=mutations, after=streams)
def test_mutated_headers_with_correct_checksums(
    sent: RandomMessage, changes: list[tuple[str, int, bytes]], after: bytes
) -> None:
    encoded = frame(*sent)
    headers_length = int.from_bytes(encoded[4:8], "big")
    headers = mutated(encoded[12 : 12 + headers_length], changes)
    compare([message(headers, sent[1]) + after])


@given(headers=st.binary(max_size=80), payload=st.binary(max_size=20))
def test_random_headers_with_correct_checksums(headers: bytes, payload: bytes) -> None:
    compare([message(headers, payload)])


@given(total=st.integers(0, 80), headers_length=st.integers(0, 90), rest=st.binary(max_size=90))
def test_random_lengths_with_a_correct_checksum(
    total: int, headers_length: int, rest: bytes
) -> None:
    compare([prelude(total, headers_length) + rest])


@given(data=st.binary(max_size=200), places=places)
def test_random_bytes(data: bytes, places: list[int]) -> None:
    compare(cut(data, places))
