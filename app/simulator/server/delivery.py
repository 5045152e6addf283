"""Sends a decision to the client, with the delays and damage that its Delivery asks for."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.simulator.answers.vocabulary import Delivery
from app.simulator.service.decisions import Decision
from app.simulator.service.request_log import LoggedRequest, RequestLog
from app.simulator.wire import frames as frame_encoder
from app.simulator.wire.http import LAST_CHUNK, Connection, HttpResponse, chunk, render, render_head


@dataclass(slots=True)
class _Piece:
    """Bytes of one write. `events` is the number of events sent once they are written.

    `opens_group`: they begin a group of events, and `delay` applies before them.
    """

    data: bytes
    events: int
    opens_group: bool


class DecisionSender:
    """Sends one decision to one client and logs the outcome.

    The log entry is closed before the last bytes of the answer are sent: a client that has read an
    answer finds it complete in the log.
    """

    def __init__(
        self, connection: Connection, decision: Decision, logged: LoggedRequest, log: RequestLog
    ) -> None:
        self._connection = connection
        self._decision = decision
        self._delivery = decision.delivery
        self._logged = logged
        self._log = log

    async def run(self) -> bool:
        """Send the answer. Return whether the connection can serve another request."""
        await self._connection.sleep(self._delivery.delay_head)
        if self._delivery.reset == "request":
            return await self._reset()
        response = self._decision.response
        self._logged.status = response.status if response else 200
        reusable = await (self._send_response(response) if response else self._send_stream())
        return reusable and not self._delivery.close_after

    async def _send_response(self, response: HttpResponse) -> bool:
        if self._connection.gone_at is not None:
            return False
        self._logged.bytes_sent = len(response.body)
        self._end("complete")
        await self._connection.send(render(response))
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
        if self._connection.gone_at is not None and self._logged.outcome == "open":
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
            if stall and stall.after != "end" and self._logged.events_sent >= stall.after:
                await connection.sleep(stall.seconds)
                stall = None
            elif index and piece.opens_group and delivery.delay:
                await connection.sleep(delivery.delay)
            if connection.gone_at is not None:
                return
            self._log.progress(self._logged, len(piece.data), piece.events)
            if not chunked and index == len(pieces) - 1 and not (stall or delivery.cut):
                self._end(self._outcome())
            await connection.send(chunk(piece.data) if chunked else piece.data)
        if stall:
            await connection.sleep(stall.seconds)

    async def _finish(self) -> bool:
        cut = self._delivery.cut
        if cut and cut.how == "rst":
            return await self._reset()
        self._end(self._outcome())
        if cut and cut.how == "fin":
            return False
        if self._delivery.framing == "chunked":
            await self._connection.send(LAST_CHUNK)
        return self._delivery.framing != "close" and not self._delivery.length_error

    def _outcome(self) -> str:
        incomplete = self._delivery.cut or self._delivery.length_error
        return "cut" if incomplete else "complete"

    async def _reset(self) -> bool:
        if self._connection.gone_at is None:
            self._end("reset")
            await self._connection.reset()
        return False

    def _end(self, outcome: str) -> None:
        self._log.end(self._logged, outcome)


def _damage(frames: list[bytes], delivery: Delivery) -> list[bytes]:
    """Duplicate events and invert bytes."""
    repeated = set(delivery.duplicate)
    out: list[bytes] = []
    for number, frame in enumerate(frames):
        out += [frame, frame] if number in repeated else [frame]
    corrupt = delivery.corrupt
    if corrupt and corrupt.offset is not None:
        return _flip(out, corrupt.offset)
    if corrupt and corrupt.frame < len(out):
        out[corrupt.frame] = frame_encoder.corrupt(out[corrupt.frame], corrupt.part)
    return out


def _flip(frames: list[bytes], offset: int) -> list[bytes]:
    start = 0
    for number, frame in enumerate(frames):
        if start <= offset < start + len(frame):
            damaged = frame_encoder.flip(frame, offset - start)
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
    stall = delivery.stall
    break_at = 0 if stall is None or stall.after == "end" else stall.after
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
