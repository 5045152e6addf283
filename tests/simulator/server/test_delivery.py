"""Faults on demand: each kind of damage arrives as scripted, and the log reports it."""

import time
from typing import Any

import pytest

from app.simulator import Simulator
from tests.simulator.client import (
    Client,
    DamagedFrame,
    chunks_of,
    events,
    open_chat,
    read_to_end,
    split_head,
    text_of,
)

ABC = {"text": ["a", "b", "c"], "bare": True}


def stream(simulator: Simulator, **form: Any) -> tuple[bytes, bytes, str]:
    """Return head, body and kind of end of one answer, read from a plain socket."""
    simulator.script({**ABC, "close_after": True, **form})
    data, end = read_to_end(open_chat(simulator))
    return (*split_head(data), end)


def body_of(simulator: Simulator, **form: Any) -> bytes:
    """Return the body of one answer without its HTTP framing."""
    _, rest, _ = stream(simulator, **form)
    return b"".join(chunks_of(rest)[0])


def outcome(simulator: Simulator) -> str:
    simulator.wait_for(lambda seen: seen and seen[-1].outcome != "open")
    return simulator.requests[-1].outcome


def test_events_are_grouped_into_chunks(simulator: Simulator) -> None:
    _, rest, _ = stream(simulator, frames_per_chunk=2)
    chunks, ended = chunks_of(rest)
    assert ([len(events(chunk)) for chunk in chunks], ended) == ([2, 1], True)


def test_one_byte_in_each_chunk(simulator: Simulator) -> None:
    _, rest, _ = stream(simulator, bytes_per_chunk=1)
    chunks, ended = chunks_of(rest)
    assert ended
    assert {len(chunk) for chunk in chunks} == {1}
    assert text_of(b"".join(chunks)) == "abc"


@pytest.mark.parametrize("framing", ["length", "close"])
def test_other_framings_carry_the_same_events(simulator: Simulator, framing: str) -> None:
    head, rest, end = stream(simulator, framing=framing)
    assert (text_of(rest), end) == ("abc", "fin")
    length = f"content-length: {len(rest)}".encode()
    assert (length in head) == (framing == "length")
    assert (b"connection: close" in head) == (framing == "close")
    assert outcome(simulator) == "complete"


def test_a_content_length_can_be_too_large(simulator: Simulator) -> None:
    head, rest, end = stream(simulator, framing="length", length_error=7)
    assert f"content-length: {len(rest) + 7}".encode() in head
    assert (text_of(rest), end, outcome(simulator)) == ("abc", "fin", "cut")


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("at", [0, 1, 12, 40, 130, 200])
def test_a_cut_leaves_exactly_the_given_number_of_bytes(
    simulator: Simulator, at: int, how: str
) -> None:
    whole = body_of(simulator)
    _, rest, end = stream(simulator, cut={"at": at, "how": how})
    chunks, ended = chunks_of(rest)
    assert (b"".join(chunks), ended, end) == (whole[:at], False, how)
    assert outcome(simulator) == {"fin": "cut", "rst": "reset"}[how]
    assert simulator.requests[-1].bytes_sent == at


def test_a_cut_can_end_the_http_body_properly(simulator: Simulator) -> None:
    _, rest, _ = stream(simulator, cut={"at": 150, "how": "end"})
    chunks, ended = chunks_of(rest)
    assert ended
    with pytest.raises(DamagedFrame, match="cut"):
        events(b"".join(chunks))


def test_a_cut_after_events_leaves_them_whole(simulator: Simulator) -> None:
    _, rest, _ = stream(simulator, cut={"after": 2})
    chunks, ended = chunks_of(rest)
    assert (text_of(b"".join(chunks)), ended) == ("ab", False)


@pytest.mark.parametrize("part", ["prelude", "message"])
def test_a_checksum_of_the_chosen_event_is_wrong(simulator: Simulator, part: str) -> None:
    body = body_of(simulator, corrupt={"frame": 1, "part": part})
    first = len(body) // 3
    assert text_of(body[:first]) == "a"
    with pytest.raises(DamagedFrame, match=part):
        events(body[first:])


def test_a_byte_at_any_offset_can_be_flipped(simulator: Simulator) -> None:
    whole = body_of(simulator)
    for offset in (0, len(whole) // 2, len(whole) - 1):
        body = body_of(simulator, corrupt={"offset": offset})
        assert [at for at in range(len(whole)) if whole[at] != body[at]] == [offset]


def test_events_are_sent_twice(simulator: Simulator) -> None:
    assert text_of(body_of(simulator, duplicate=[0, 2])) == "aabcc"


def test_a_pause_in_the_middle_and_then_the_rest(simulator: Simulator) -> None:
    started = time.monotonic()
    _, rest, _ = stream(simulator, stall={"after": 2, "seconds": 0.2}, frames_per_chunk=3)
    assert 0.2 <= time.monotonic() - started < 1
    chunks, ended = chunks_of(rest)
    assert ([len(events(chunk)) for chunk in chunks], ended) == ([2, 1], True)


@pytest.mark.parametrize("after", [0, 2, 3])
def test_an_endless_pause_ends_when_the_client_disconnects(
    simulator: Simulator, after: int
) -> None:
    simulator.script({**ABC, "stall": {"after": after}})
    connection = open_chat(simulator)
    assert simulator.wait_for(lambda seen: seen and seen[-1].events_sent == after)
    assert simulator.stats["active"] == 1
    left = time.time()
    connection.close()
    assert outcome(simulator) == "client_closed"
    [seen] = simulator.requests
    assert seen.events_sent == after
    assert seen.client_closed_at == pytest.approx(left, abs=0.1)
    assert simulator.stats["active"] == 0


@pytest.mark.parametrize("form", [{"delay_head": 30}, {"delay_first": 30}, {"delay": 30}])
def test_a_disconnect_during_a_delay_is_noticed_at_once(
    simulator: Simulator, form: dict[str, Any]
) -> None:
    simulator.script({**ABC, **form})
    connection = open_chat(simulator)
    assert simulator.wait_for(lambda seen: seen)
    left = time.monotonic()
    connection.close()
    assert outcome(simulator) == "client_closed"
    assert time.monotonic() - left < 0.1


def test_a_reset_by_the_client_during_a_large_answer_is_noticed(simulator: Simulator) -> None:
    simulator.script({"text": {"repeat": "x", "times": 100_000, "deltas": 300}})
    connection = open_chat(simulator)
    connection.recv(1000)
    assert simulator.wait_for(lambda seen: seen and seen[-1].bytes_sent > 1_000_000)
    connection.close()
    assert outcome(simulator) == "client_closed"
    assert simulator.requests[-1].bytes_sent < 30_000_000


def test_delays_come_at_the_given_places(simulator: Simulator) -> None:
    simulator.script({**ABC, "delay_head": 0.1, "delay_first": 0.1, "delay": 0.1})
    connection = open_chat(simulator)
    started, times, data = time.monotonic(), [], b""
    while not data.endswith(b"0\r\n\r\n"):
        data += connection.recv(65536)
        times.append(time.monotonic() - started)
    connection.close()
    assert times[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.08)


def test_a_reset_instead_of_the_head(simulator: Simulator) -> None:
    assert stream(simulator, reset="request") == (b"", b"", "rst")
    assert outcome(simulator) == "reset"
    assert simulator.requests[-1].status is None


def test_a_reset_after_the_head(simulator: Simulator) -> None:
    head, rest, end = stream(simulator, reset="head")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert (rest, end, outcome(simulator)) == (b"", "rst", "reset")


def test_an_empty_200(client: Client, simulator: Simulator) -> None:
    simulator.script({"empty": True})
    answer = client.chat()
    assert (answer.status, answer.body) == (200, b"")


def test_a_twenty_megabyte_event(client: Client, simulator: Simulator) -> None:
    simulator.script({"text": {"repeat": "0123456789", "times": 2_000_000}, "bare": True})
    [(kind, payload)] = events(client.chat().body)
    assert (kind, len(payload["content"])) == ("assistantResponseEvent", 20_000_000)


def test_idle_connections_are_closed_on_demand(client: Client, simulator: Simulator) -> None:
    client.chat()
    simulator.script({**ABC, "stall": {}})
    busy = open_chat(simulator)
    assert simulator.wait_for(lambda seen: len(seen) == 2)
    assert simulator.close_idle() == 1
    assert simulator.wait_for(lambda _: simulator.stats["connections_open"] == 1)
    busy.close()


def test_stopping_ends_streams_in_progress() -> None:
    from tests.simulator.client import TOKEN

    simulator = Simulator(tokens=(TOKEN,)).start()
    simulator.script({**ABC, "stall": {"after": 1}})
    connection = open_chat(simulator)
    assert simulator.wait_for(lambda seen: seen and seen[-1].events_sent == 1)
    simulator.stop()
    simulator.stop()
    assert read_to_end(connection)[1] in ("fin", "rst")
