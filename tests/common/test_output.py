"""Writing without waiting: pipes, terminals, sockets and files, full, closed and cut."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
from pathlib import Path

import pytest

from app.common import output
from app.common.output import MAX_LINE, LineStream, Output, never_wait

LINE = b"x" * 999 + b"\n"


@pytest.fixture(params=["own open file", "poll"])
def pipe(request, monkeypatch):
    """A small pipe, where it can be opened again and where it cannot (no /proc)."""
    size = 4096
    if request.param == "poll":
        monkeypatch.setattr(os, "open", _refused)
        size *= 2  # a pipe is ready while a whole page of it is free
    out, into = os.pipe()
    monkeypatch.setattr(output, "PIPE_SIZE", 0)
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, size)
    yield out, into
    for end in out, into:
        try:
            os.close(end)
        except OSError:
            continue


def _refused(*_args: object) -> int:
    raise PermissionError(errno.EACCES, "not this one")


def test_a_full_pipe_drops_whole_lines_and_counts_them(pipe):
    out, into = pipe
    sink = Output(into)
    taken = [sink.write(LINE) for _ in range(12)]
    assert taken == sorted(taken, reverse=True)
    assert sum(taken) >= 4
    assert sink.dropped == 12 - sum(taken)
    assert sink.reason == "it is full, and nobody reads it"
    assert os.read(out, 65536) == LINE * sum(taken)
    assert sink.write(b"next\n")
    assert os.read(out, 65536) == b"next\n"
    assert os.get_blocking(into)  # others who write to it notice nothing


def test_what_was_lost_stays_counted_when_it_was_reported(pipe):
    before = output.lost()
    reader, writer = pipe
    os.close(reader)
    out = Output(writer)
    out.write(b"one\n")
    out.dropped = 0
    out.write(b"two\n")
    assert output.lost() == before + 2


def test_a_pipe_whose_reader_has_gone(pipe):
    out, into = pipe
    sink = Output(into)
    os.close(out)
    assert not sink.write(LINE)
    assert sink.reason == "its reader has gone"


def test_a_line_that_began_is_finished_before_the_next(pipe):
    out, into = pipe
    sink = Output(into)
    long = b"a" * 10_000 + b"\n"
    assert sink.write(long)
    assert not sink.write(b"dropped\n")
    got = os.read(out, 65536)
    while not sink.write(b"next\n"):
        got += os.read(out, 65536)
    assert got + os.read(out, 65536) == long + b"next\n"
    assert sink.dropped >= 1


def test_a_pipe_is_enlarged_and_never_shrunk():
    out, into = os.pipe()
    Output(into)
    assert fcntl.fcntl(into, fcntl.F_GETPIPE_SZ) == output.PIPE_SIZE
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 2 * output.PIPE_SIZE)
    Output(into)
    assert fcntl.fcntl(into, fcntl.F_GETPIPE_SZ) == 2 * output.PIPE_SIZE
    os.close(out)
    os.close(into)


def test_a_socket_is_not_waited_for():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sink = Output(theirs.fileno())
        while sink.write(LINE):
            continue
        assert sink.dropped == 1
        assert theirs.getblocking()


def test_a_disk_that_is_full():
    with open("/dev/full", "wb", buffering=0) as full:
        sink = Output(full.fileno())
        assert not sink.write(LINE)
        assert sink.reason == os.strerror(errno.ENOSPC)


def test_a_file_keeps_its_place(tmp_path: Path):
    """`2> log` shares one position among all processes that write to it."""
    with (tmp_path / "log").open("wb", buffering=0) as log:
        Output(log.fileno()).write(b"a\n")
        os.write(log.fileno(), b"b\n")
        Output(log.fileno()).write(b"c\n")
    assert (tmp_path / "log").read_bytes() == b"a\nb\nc\n"


@pytest.mark.parametrize("fd", [None, 9999])
def test_what_is_closed_takes_nothing(fd):
    sink = Output(fd)
    assert not sink.write(LINE)
    assert sink.reason == "it is closed"


def test_a_child_counts_its_own(pipe):
    _, into = pipe
    sink = Output(into)
    while sink.write(LINE):
        continue
    child = os.fork()
    if child == 0:
        os._exit(sink.dropped)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sink.dropped == 1


class TestStream:
    def test_lines_are_written_whole(self, pipe):
        out, into = pipe
        stream = LineStream(Output(into), into)
        print("a", "b", file=stream, end="")
        print("", "c\nd", file=stream, sep="\n", flush=True)
        assert os.read(out, 100) == b"a b\nc\nd\n"

    def test_a_line_without_end_is_written_when_flushed(self, pipe):
        out, into = pipe
        stream = LineStream(Output(into), into)
        stream.write("\ud83d é")
        stream.flush()
        assert os.read(out, 100) == b"\\ud83d \xc3\xa9"

    def test_an_endless_line_is_not_kept(self, pipe):
        _, into = pipe
        stream = LineStream(Output(into), into)
        for _ in range(10):
            stream.write("x" * MAX_LINE)
        assert stream.output.dropped >= 8

    def test_replaces_stderr_once(self, pipe, monkeypatch):
        out, into = pipe
        with open(into, "w", closefd=False) as plain:
            monkeypatch.setattr(sys, "stderr", plain)
            never_wait("stderr")
            replaced = sys.stderr
            never_wait("stderr")
            assert sys.stderr is replaced
            assert isinstance(replaced, LineStream)
            assert output.stderr() is replaced.output
            sys.stderr.write("hello\n")
        assert os.read(out, 100) == b"hello\n"

    def test_a_closed_stderr_stays_closed(self, monkeypatch):
        monkeypatch.setattr(sys, "stderr", None)
        never_wait("stderr")
        assert sys.stderr is None
        assert not output.stderr().write(LINE)
