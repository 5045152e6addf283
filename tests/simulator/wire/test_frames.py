"""The encoder writes the shared vectors byte for byte."""

from pathlib import Path

import pytest

from app.simulator.wire import frames
from tests.simulator.client import DamagedFrame, events, raw_frames

VECTORS = Path(__file__).parents[2] / "vectors"
SYNTHETIC = sorted(path for path in (VECTORS / "synthetic").glob("*.bin") if "cut" not in path.stem)


@pytest.mark.parametrize("path", SYNTHETIC, ids=lambda path: path.stem)
def test_every_vector_is_encoded_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    decoded = raw_frames(data)
    assert decoded
    assert b"".join(frames.encode(headers, payload) for headers, payload in decoded) == data


def test_an_empty_message_equals_that_of_the_aws_sdk() -> None:
    expected = (VECTORS / "aws-sdk-go/encoded/positive/empty_message").read_bytes()
    assert frames.encode({}) == expected


def test_events_exceptions_and_errors_have_the_headers_of_the_vectors() -> None:
    synthetic = VECTORS / "synthetic"
    stream = frames.event("assistantResponseEvent", {"content": "par"}) + frames.exception(
        "ThrottlingException", "slow down", "INSUFFICIENT_MODEL_CAPACITY"
    )
    assert stream == (synthetic / "mid_stream_exception.bin").read_bytes()
    error = frames.error("InternalServerException", "boom")
    assert error == (synthetic / "unmodeled_error.bin").read_bytes()


def test_text_is_utf8_on_the_wire() -> None:
    assert "世界 🙂".encode() in frames.event("assistantResponseEvent", {"content": "世界 🙂"})


@pytest.mark.parametrize("part", ["prelude", "message"])
def test_a_corrupted_frame_fails_its_own_checksum_only(part: str) -> None:
    frame = frames.event("assistantResponseEvent", {"content": "x"})
    damaged = frames.corrupt(frame, part)
    assert len(damaged) == len(frame)
    with pytest.raises(DamagedFrame, match=part):
        events(damaged)
