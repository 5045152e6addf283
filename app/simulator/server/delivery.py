"""A decision onto the wire, as well or as badly as its Delivery says."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.simulator.answers.vocabulary import Delivery
from app.simulator.service.request_log import Log, Seen
from app.simulator.wire import frames as encoder
from app.simulator.wire.http import LAST_CHUNK, Connection, Reply, chunk, render, render_head


@dataclass(slots=True)
class Decision:
    """What a request gets: a whole `reply`, or the `frames` of a stream under `headers`."""

    reply: Reply | None = None
    frames: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(slots=True)
class _Piece:
    """Bytes written in one go; `events` is how many events are out once they are."""

    data: bytes
    events: int
    opens_group: bool


class Courier:
    """Takes one decision to one client and writes down what became of it.

    The record is closed before the bytes that complete the answer leave, so that whoever has read
    an answer finds it complete in the log.
    """

    def __init__(self, connection: Connection, decision: Decision, seen: Seen, log: Log) -> None:
        self._connection = connection
        self._decision = decision
        self._delivery = decision.delivery
        self._seen = seen
        self._log = log

    async def run(self) -> bool:
        """Send the answer; return whether the connection can serve another request."""
        await self._connection.sleep(self._delivery.delay_head)
        if self._delivery.reset == "request":
            return await self._reset()
        reply = self._decision.reply
        self._seen.status = reply.status if reply else 200
        reusable = await (self._send_reply(reply) if reply else self._send_stream())
        return reusable and not self._delivery.close_after

    async def _send_reply(self, reply: Reply) -> bool:
        if self._connection.gone_at is not None:
            return False
        self._seen.bytes_sent = len(reply.body)
        self._end("complete")
        await self._connection.send(render(reply))
        return True

    async def _send_stream(self) -> bool:
        delivery = self._delivery
        pieces = _pieces(_damage(self._decision.frames, delivery), delivery)
        headers = {**self._decision.headers, **self._framing(pieces)}
        await self._connection.send(render_head(200, headers))
        if delivery.reset == "head":
            return await self._reset()
        await self._connection.sleep(delivery.delay_first)
        await self._send_pieces(pieces)
        if self._connection.gone_at is not None and self._seen.outcome == "open":
            return False
        return await self._finish()

    def _framing(self, pieces: list[_Piece]) -> dict[str, str]:
        match self._delivery.framing:
            case "chunked":
                return {"transfer-encoding": "chunked"}
            case "length":
                size = sum(len(piece.data) for piece in pieces)
                return {"content-length": str(size + self._delivery.length_error)}
        return {"connection": "close"}

    async def _send_pieces(self, pieces: list[_Piece]) -> None:
        delivery, connection = self._delivery, self._connection
        stall, chunked = delivery.stall, delivery.framing == "chunked"
        for index, piece in enumerate(pieces):
            if stall and self._seen.events_sent >= stall.after:
                await connection.sleep(stall.seconds)
                stall = None
            elif index and piece.opens_group and delivery.delay:
                await connection.sleep(delivery.delay)
            if connection.gone_at is not None:
                return
            self._log.progress(self._seen, len(piece.data), piece.events)
            if not chunked and index == len(pieces) - 1 and not (stall or delivery.cut):
                self._end(self._verdict())
            await connection.send(chunk(piece.data) if chunked else piece.data)
        if stall:
            await connection.sleep(stall.seconds)

    async def _finish(self) -> bool:
        cut = self._delivery.cut
        if cut and cut.how == "rst":
            return await self._reset()
        self._end(self._verdict())
        if cut and cut.how == "fin":
            return False
        if self._delivery.framing == "chunked":
            await self._connection.send(LAST_CHUNK)
        return self._delivery.framing != "close" and not self._delivery.length_error

    def _verdict(self) -> str:
        spoiled = self._delivery.cut or self._delivery.length_error
        return "cut" if spoiled else "complete"

    async def _reset(self) -> bool:
        if self._connection.gone_at is None:
            self._end("reset")
            await self._connection.reset()
        return False

    def _end(self, outcome: str) -> None:
        self._log.end(self._seen, outcome)


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
    pieces = list(_split(frames, delivery))
    if cut and cut.at is not None:
        return list(_truncate(pieces, cut.at))
    return pieces


def _split(frames: list[bytes], delivery: Delivery) -> Iterator[_Piece]:
    break_at = delivery.stall.after if delivery.stall else 0
    start = 0
    while start < len(frames):
        end = min(start + delivery.frames_per_chunk, len(frames))
        if start < break_at < end:
            end = break_at
        data = b"".join(frames[start:end])
        step = delivery.bytes_per_chunk or max(len(data), 1)
        for at in range(0, len(data), step):
            last = at + step >= len(data)
            yield _Piece(data[at : at + step], end if last else start, at == 0)
        start = end


def _truncate(pieces: list[_Piece], size: int) -> Iterator[_Piece]:
    events = 0
    for piece in pieces:
        if size < len(piece.data):
            if size > 0:
                yield _Piece(piece.data[:size], events, piece.opens_group)
            return
        yield piece
        events = piece.events
        size -= len(piece.data)
