"""The list of answers in progress that all workers of a master share."""

from itertools import count
from time import monotonic

from app.server.lifecycle import Lifecycle
from app.server.progress import ROWS, Board, Rows

ALICE = ("alice", "claude-sonnet-4.5", "anthropic", "192.0.2.7")


def test_an_answer_from_its_begin_to_its_end():
    board = Board(4)
    rows = Rows(1, board)
    at = rows.begin(monotonic() - 5, *ALICE)
    (answer,) = board.answers()
    assert answer[2:] == ALICE
    assert not answer.streaming
    rows.stream(at)
    assert board.answers() == [answer._replace(streaming=True)]
    rows.end(at)
    assert (board.answers(), board.count()) == ([], 0)


def test_all_workers_the_oldest_first():
    board, now = Board(4), monotonic()
    one, other = Rows(6, board), Rows(7, board)
    other.begin(now - 1, "second", "", "", "")
    one.begin(now, "third", "", "", "")
    one.begin(now - 2, "first", "", "", "")
    assert [answer.key for answer in board.answers()] == ["first", "second", "third"]


def test_what_is_too_long_is_cut_and_nothing_fails():
    board = Board(1)
    Rows(0, board).begin(monotonic(), "k" * 64, "é" * 60 + "\ud800", "d" * 99, "a" * 99)
    (answer,) = board.answers()
    assert answer.key == "k" * 64
    assert answer.model == "é" * 32
    assert len(answer.client) == 46


def test_more_answers_than_rows_are_counted():
    board = Board(1)
    rows = Rows(0, board)
    taken = [rows.begin(monotonic(), *ALICE) for _ in range(ROWS + 3)]
    assert (len(board.answers()), board.count()) == (ROWS, ROWS + 3)
    for at in taken:
        rows.end(at)
    assert (board.answers(), board.count()) == ([], 0)
    rows.begin(monotonic(), *ALICE)
    assert len(board.answers()) == 1


def test_what_a_worker_leaves_behind_is_cleared():
    board = Board(2)
    Rows(1, board).begin(monotonic(), *ALICE)
    Rows(3, board)  # whose part is the same
    assert (board.answers(), board.count()) == ([], 0)
    rows = Rows(2, board)
    rows.begin(monotonic(), *ALICE)
    board.clear(2)
    assert (board.answers(), board.count()) == ([], 0)


def test_a_row_that_is_another_at_each_look_is_left_out(monkeypatch):
    board = Board(1)
    rows = Rows(0, board)
    rows.begin(monotonic(), *ALICE)
    looks = count()
    monkeypatch.setattr(board, "_row", lambda at: str(next(looks)).encode())
    assert board.answers() == []


def test_a_request_is_listed_once_and_until_its_end():
    lifecycle, board = Lifecycle(client_stall=1), Board(1)
    lifecycle.rows = Rows(0, board)
    live = lifecycle.watch(None)
    assert board.count() == 0
    live.show(monotonic(), *ALICE)
    live.streams()
    assert [answer.streaming for answer in board.answers()] == [True]
    live.close()
    live.close()
    assert board.count() == 0
