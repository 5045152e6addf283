"""The rows of the benchmarks: what is sent and answered, what is compared, and how it is told."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.codewhisperer.answer.decoder import EventDecoder
from app.core.events import TextDelta
from app.eventstream.frames import FrameDecoder
from app.upstream_http.chunked import ChunkedDecoder
from benchmarks import samples
from benchmarks.dialects import MESSAGES
from benchmarks.figures import Spread
from benchmarks.floors import messages as floor
from benchmarks.load import LoadFailed, Result, StampReader, generate
from benchmarks.processes import interpreter
from benchmarks.rows import answers, loads, measuring, pairs, report, servers, single
from benchmarks.rows.answers import Answer
from benchmarks.rows.pairs import ROWS, Compared, Run, Side
from benchmarks.rows.upstream import running, stamped


def body(answer: Answer) -> bytes:
    """What the upstream sends, without its head, as it is when it is sent."""
    return b"".join(map(stamped, answer.steps)).removeprefix(answers.HEAD)


@pytest.mark.parametrize(
    "answer", [answers.at_once(30, 8), answers.at_once(30, 1, "Read"), answers.paced(30, 0.1)]
)
def test_an_answer_of_the_cheap_upstream_is_one_of_the_service(answer: Answer) -> None:
    frames = FrameDecoder().feed(ChunkedDecoder().feed(body(answer)))
    events = EventDecoder().feed(frames)
    assert sum(isinstance(event, TextDelta) for event in events) == 30


def test_moments_are_found_wherever_the_bytes_are_cut() -> None:
    sent = body(answers.paced(20, 0.1))
    for size in (1, 7, 17, 100):
        reader = StampReader()
        lags = [lag for piece in samples.pieces_of(sent, size) for lag in reader.feed(piece)]
        assert len(lags) == 20
        assert all(0 <= lag < 60 for lag in lags)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_sends_requests_that_are_valid(row: pairs.Row) -> None:
    for side in (row.what, row.reference):
        load = side.load
        assert load.dialect.parse(load.body, Headers()).messages
        assert load.units >= 20
    assert row.what.load.units == row.reference.load.units


def test_names_of_rows_are_unique() -> None:
    assert len(set(measuring.NAMES)) == len(measuring.NAMES)


def test_a_request_of_one_dialect_says_the_same_in_the_other() -> None:
    asked = loads.LONG.dialect.parse(loads.LONG.body, Headers())
    same = loads.LONG_RESPONSES.dialect.parse(loads.LONG_RESPONSES.body, Headers())
    assert same.messages == asked.messages
    assert [tool.name for tool in same.tools] == [tool.name for tool in asked.tools]


def test_the_floor_streams_what_it_is_sent() -> None:
    reads = iter(samples.pieces_of(b"".join(samples.text_frames(40)), 333))
    sent = b"".join(floor.stream(reads, {"id": "msg_1"}, 3)).decode()
    datas = [json.loads(line[6:]) for line in sent.split("\n") if line.startswith("data: ")]
    texts = [each["delta"]["text"] for each in datas if each["type"] == "content_block_delta"]
    assert texts == samples.deltas(40)
    assert sent.endswith('data: {"type":"message_stop"}\n\n')
    reads = iter([b"".join(samples.text_frames(40))])
    whole = json.loads(floor.whole(reads, {"id": "msg_1"}, 3))
    assert whole["content"][0]["text"] == "".join(samples.deltas(40))


def test_the_floor_verifies_checksums() -> None:
    [frame] = samples.text_frames(1)
    with pytest.raises(floor.NotAnswered):
        floor.texts(frame[:-1] + b"!")


def test_the_floor_sends_all_texts_of_a_request() -> None:
    sent = json.dumps(floor.convert(json.loads(loads.TURN.body))[0])
    for message in json.loads(loads.TURN.body)["messages"]:
        assert json.dumps(floor._text(message["content"]))[1:-1] in sent
    assert sent.count("toolSpecification") == 12


def test_a_row_is_measured(tmp_path: Path) -> None:
    """Through three processes, with a few requests in streams and one that is not streamed."""
    whole = replace(loads.WHOLE, requests=2)
    slow = replace(loads.slow(3, events=4, gap=0.02), ramp=0.0)
    with (
        running(tmp_path) as upstream,
        servers.floor(upstream, tmp_path) as alone,
        servers.gateway()(upstream, tmp_path) as server,
    ):
        for which in (server, alone):
            for load in (whole, slow):
                found = pairs.run(load, which, upstream, idle=1)
                assert found.cpu > 0
                assert len(found.result.first) == (2 if load is whole else 3)
            assert len(found.result.lags) == 12
            assert found.grown > 0
            with pytest.raises(LoadFailed, match="4 events"):
                generate(replace(slow, events=5).plan(which.port))
        assert single._clients(server.workers[0], server.port) >= 0


COMPARED = Compared(
    next(row for row in ROWS if row.name == "S3k"),
    [Run(200.0, 30 << 20, Result([0.1 + 0.002] * 100, [], [], [0.003] * 100))] * 2,
    [Run(100.0, 50 << 20, Result([0.2] * 100, [], [], [0.006] * 100))] * 2,
)


def test_ratios_are_told() -> None:
    found = measuring.Found([COMPARED], {"a start": Spread(0.5, 0.4, 0.6)})
    text = report.sections(found, 7, 3)
    assert "| 200 (200-200) | 100 (100-100) | 2.00 (2.00-2.00) |" in text
    assert "| S3k | gateway | 2.00 | 2.00 | 3.00 | 3.00 | 30.7 |" in text
    assert "| a start | 0.50 (0.40-0.60) |" in text
    assert "### Features" not in text


def test_what_this_machine_cannot_measure_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise servers.CannotStart("no Redis")

    monkeypatch.setattr(pairs, "measure", refuse)
    told: list[str] = []
    assert measuring.measure(["redis"], 1, 1, told.append) == measuring.Found([], {})
    assert told == ["redis: not measured, no Redis"]


def test_the_build_of_python_is_told() -> None:
    assert "PGO" in interpreter()
    assert "LTO" in interpreter()


def test_sides_of_the_floor_have_one_load() -> None:
    for row in ROWS:
        if row.group == pairs.FLOOR:
            assert row.reference == Side(servers.floor, row.what.load)
            assert row.what.load.dialect is MESSAGES


def test_moments_are_those_of_the_monotonic_clock() -> None:
    before = time.monotonic_ns() // 1000
    [step, *_] = answers.paced(1, 0.1).steps
    moment = int(stamped(step)[step.stamp : step.stamp + 16])
    assert before <= moment <= time.monotonic_ns() // 1000
