"""Frames onto the wire, as well or as badly as a Delivery says."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from . import frames as encoder
from .answers import Delivery
from .http import LAST_CHUNK, Connection, chunk, render_head
from .log import Seen


@dataclass(slots=True)
class _Piece:
    """Bytes written in one go, and the number of the first event that is in or after them."""

    event: int
    data: bytes
    opens_group: bool


async def deliver(
    connection: Connection,
    frames: list[bytes],
    delivery: Delivery,
    headers: dict[str, str],
    seen: Seen,
) -> bool:
    """Send a 200 and the body; return whether the connection can serve another request."""
    pieces = _pieces(_damage(frames, delivery), delivery)
    size = sum(len(piece.data) for piece in pieces)
    await connection.sleep(delivery.delay_head)
    if delivery.reset == "request":
        return await _reset(connection, seen)
    seen.status = 200
    await connection.send(render_head(200, {**headers, **_framing(delivery, size)}))
    if delivery.reset == "head":
        return await _reset(connection, seen)
    await connection.sleep(delivery.delay_first)
    await _send_body(connection, pieces, delivery, seen)
    return await _end(connection, delivery, seen)


async def _send_body(
    connection: Connection, pieces: list[_Piece], delivery: Delivery, seen: Seen
) -> None:
    stall = delivery.stall
    chunked = delivery.framing == "chunked"
    for index, piece in enumerate(pieces):
        if stall and piece.event >= stall.after:
            await connection.sleep(stall.seconds)
            stall = None
        elif index and piece.opens_group and delivery.delay:
            await connection.sleep(delivery.delay)
        if connection.gone_at is not None:
            return
        await connection.send(chunk(piece.data) if chunked else piece.data)
        seen.bytes_sent += len(piece.data)
        seen.events_sent = piece.event + 1
    if stall:
        await connection.sleep(stall.seconds)


async def _end(connection: Connection, delivery: Delivery, seen: Seen) -> bool:
    if connection.gone_at is not None:
        return False
    cut = delivery.cut
    if cut and cut.how == "rst":
        return await _reset(connection, seen)
    if cut and cut.how == "fin":
        seen.outcome = "cut"
        return False
    if delivery.framing == "chunked":
        await connection.send(LAST_CHUNK)
    seen.outcome = "cut" if cut or delivery.length_error else "complete"
    return delivery.framing != "close" and not delivery.length_error and not delivery.close_after


async def _reset(connection: Connection, seen: Seen) -> bool:
    await connection.reset()
    seen.outcome = "reset"
    return False


def _framing(delivery: Delivery, size: int) -> dict[str, str]:
    if delivery.framing == "chunked":
        return {"transfer-encoding": "chunked"}
    if delivery.framing == "length":
        return {"content-length": str(size + delivery.length_error)}
    return {"connection": "close"}


def _damage(frames: list[bytes], delivery: Delivery) -> list[bytes]:
    """Apply what is wrong with single events: duplicates and flipped bytes."""
    repeated = set(delivery.duplicate)
    out: list[bytes] = []
    for number, frame in enumerate(frames):
        out += [frame, frame] if number in repeated else [frame]
    corrupt = delivery.corrupt
    if corrupt and corrupt.offset is not None:
        return _flip(out, corrupt.offset)
    if corrupt and corrupt.frame < len(out):
        out[corrupt.frame] = encoder.corrupt(out[corrupt.frame], corrupt.part)
    return out


def _flip(frames: list[bytes], offset: int) -> list[bytes]:
    start = 0
    for number, frame in enumerate(frames):
        if start <= offset < start + len(frame):
            damaged = encoder.flip(frame, offset - start)
            return [*frames[:number], damaged, *frames[number + 1 :]]
        start += len(frame)
    return frames


def _pieces(frames: list[bytes], delivery: Delivery) -> list[_Piece]:
    cut = delivery.cut
    if cut and cut.after is not None:
        frames = frames[: cut.after]
    pieces = list(itertools.chain.from_iterable(_split(frames, delivery)))
    if cut and cut.at is not None:
        return list(_truncate(pieces, cut.at))
    return pieces


def _split(frames: list[bytes], delivery: Delivery) -> Iterator[Iterator[_Piece]]:
    break_at = delivery.stall.after if delivery.stall else None
    start = 0
    while start < len(frames):
        end = start + delivery.frames_per_chunk
        if break_at is not None and start < break_at < end:
            end = break_at
        yield _split_group(start, b"".join(frames[start:end]), delivery.bytes_per_chunk)
        start = end


def _split_group(event: int, data: bytes, step: int | None) -> Iterator[_Piece]:
    for at in range(0, len(data), step or max(len(data), 1)):
        yield _Piece(event, data[at : at + (step or len(data))], at == 0)


def _truncate(pieces: list[_Piece], size: int) -> Iterator[_Piece]:
    for piece in pieces:
        if size <= 0:
            return
        yield _Piece(piece.event, piece.data[:size], piece.opens_group)
        size -= len(piece.data)
