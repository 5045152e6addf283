"""The upstream's frames and the client's events are written without their texts."""

import json

import pytest

from app.eventstream.frames import FrameDecoder
from app.recording import streams
from app.recording.scrub import REMOVED_TEXT, Scrubber
from app.simulator.wire import frames as wire

SECRET = "the launch code is swordfish"


def decoded(found: list[dict]) -> list[dict]:
    """The payloads of what is sent when these frames are replayed."""
    frames = FrameDecoder().feed(b"".join(streams.encoded(one) for one in found))
    return [json.loads(frame.payload) for frame in frames]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_frames_keep_their_times_headers_and_words(size: int):
    sent = wire.event("assistantResponseEvent", {"content": SECRET, "modelId": "auto"})
    sent += wire.event("metadataEvent", {"stopReason": "END_TURN"})
    reads = [(at / 1000, sent[at : at + size]) for at in range(0, len(sent), size)]
    found = streams.frames(reads, Scrubber(keeps_text=False))
    first, last = decoded(found)
    assert last == {"stopReason": "END_TURN"}
    assert first["modelId"] == "auto"
    assert len(first["content"]) == len(SECRET)
    assert first["content"] != SECRET
    assert found[-1]["at"] == round(reads[-1][0] * 1000, 1)


def test_the_pieces_of_a_tool_call_are_one_text():
    whole = json.dumps({"city": SECRET, "urgent": True, "days": 12})
    sent = b"".join(
        wire.event("toolUseEvent", {"toolUseId": "t1", "name": "plan", "input": whole[at : at + 3]})
        for at in range(0, len(whole), 3)
    )
    found = decoded(streams.frames([(0.0, sent)], Scrubber(keeps_text=False)))
    joined = "".join(piece["input"] for piece in found)
    assert list(json.loads(joined).values())[1] is True
    assert "swordfish" not in joined
    assert [len(piece["input"]) for piece in found][:-1] == [3] * (len(found) - 1)
    assert {piece["toolUseId"] for piece in found} == {"t1"}


@pytest.mark.parametrize("broken", ["cut", "checksum"])
def test_what_is_no_whole_frame_is_counted(broken: str):
    sent = wire.event("assistantResponseEvent", {"content": SECRET})
    damaged = sent[:-10] if broken == "cut" else sent[:-1] + bytes([sent[-1] ^ 1])
    found = streams.frames([(0.5, sent + damaged)], Scrubber(keeps_text=False))
    assert len(decoded(found[:-1])) == 1
    assert found[-1] == {"at": 500.0, "unreadable": len(damaged)}


def test_events_for_the_client_keep_their_form():
    data = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": SECRET}}
    written = f"event: content_block_delta\ndata: {json.dumps(data)}\n\ndata: [DONE]\n\n".encode()
    [found] = streams.events([(0.1, written)], Scrubber(keeps_text=False))
    assert found["at"] == 100.0
    lines = found["text"].split("\n")
    assert lines[0] == "event: content_block_delta"
    assert lines[3] == "data: [DONE]"
    assert json.loads(lines[1][6:])["delta"]["type"] == "text_delta"
    assert "swordfish" not in found["text"]


def test_a_piece_of_an_event_is_filler_too():
    [found] = streams.events([(0.1, b'data: {"text": "swordf')], Scrubber(keeps_text=False))
    assert "swordf" not in found["text"]


def test_the_clients_own_names_and_numbers_are_replaced_under_its_own_members():
    scrubber = Scrubber(keeps_text=False)
    found = scrubber.json({"input": {"type": "swordfish", "amount": 1234}, "type": "tool_use"})
    assert found["type"] == "tool_use"
    assert found["input"]["type"] != "swordfish"
    assert found["input"]["amount"] != 1234


@pytest.mark.parametrize("keeps_text", [False, True])
def test_secrets_are_removed_in_any_case(keeps_text: bool):
    scrubber = Scrubber(keeps_text=keeps_text)
    arn = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGH"
    key = "ksk_" + "a1B2" * 8
    found = json.dumps(
        scrubber.json({"profileArn": arn, "text": f"my {key} and {arn}", "model": key})
    )
    assert arn not in found
    assert key not in found
    assert REMOVED_TEXT in found


def test_text_is_kept_if_the_owner_says_so():
    assert Scrubber(keeps_text=True).json({"text": SECRET, "n": 3}) == {"text": SECRET, "n": 3}
