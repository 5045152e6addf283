"""The order of what happens to every request, and what its log line holds however it ends.

The order is held by the events that each part adds to one list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest
from gevent import socket
from werkzeug.test import create_environ

from app.common.errors import GatewayError, Kind
from app.common.finished import Finished, Observer
from app.core.events import Event
from app.core.fold import Reply
from app.core.headers import Headers
from app.keys.key_file import ClientKey
from app.keys.limits import Entry, RateExceeded, RateStatus
from app.server.admission import Admission
from app.server.connections.addresses import ConnectionLimit
from app.server.connections.refusals import Refusals
from app.server.framework import Application
from app.server.lifecycle import Lifecycle
from app.web import access_log, failures, hooks
from app.web.context import current
from app.web.serving import Serving
from tests.web.doubles import CONVERSATION, END, HELLO, Call, Encoder

BROKEN = GatewayError(Kind.TRUNCATED, "It broke off.")
ALWAYS = {"request_id", "method", "path", "status", "client", "total_ms"}
OF_MODEL = ALWAYS | {"key", "dialect", "streamed"}
OF_CALL = OF_MODEL | {
    "model_asked", "model", "input_tokens", "output_tokens", "credits", "repairs", "ignored",
    "cancelled", "attempts",
}  # fmt: skip
OF_FAILURE = {"error", "message"}
OF_STREAM = {"longest_gap_ms"}
FORM = failures.ErrorForm(
    lambda error, request_id: f"{error.kind.value} in {request_id}".encode(),
    lambda error: error.status,
    lambda limit, remaining, reset: {"x-left": f"{remaining} of {limit}"},
)


class WatchedLifecycle(Lifecycle):
    def __init__(self, log: list[str]) -> None:
        super().__init__(client_stall=5)
        self._log = log

    def enter(self, client: Any) -> None:
        self._log.append("entered")
        super().enter(client)

    def leave(self, client: Any) -> None:
        self._log.append("left")
        super().leave(client)


class Authenticator:
    def __init__(self, log: list[str]) -> None:
        self._log = log

    def check(self, headers: Headers) -> ClientKey:
        self._log.append("authenticated")
        if headers.get("x-api-key") != "right":
            raise GatewayError(Kind.AUTHENTICATION, "No valid client key.")
        return ClientKey("alice", "0" * 64)


@dataclass
class Limits:
    """Lets all requests in, or refuses them with ``error``."""

    log: list[str]
    rate: RateStatus | None = None
    error: GatewayError | None = None

    def enter(self, key: ClientKey, model: str) -> Entry:
        if self.error is not None:
            raise self.error
        return Entry(lambda: self.log.append("key left"), self.rate)

    def charges(self, key: ClientKey) -> bool:
        return False


def whole(reply: Reply, meter: Any) -> bytes:
    return b"whole"


@dataclass
class Service:
    """An application with one route that calls a model, and what happened in it."""

    log: list[str] = field(default_factory=list)
    call: Call | Exception = field(default_factory=lambda: Call(HELLO, END))
    streamed: bool = False
    observers: list[Observer] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.call, Call):
            self.call.log = self.log
        self.lifecycle = WatchedLifecycle(self.log)
        self.limits = Limits(self.log)
        self.app = Application(
            __name__,
            lifecycle=self.lifecycle,
            refusals=Refusals(lambda error, request_id: pytest.fail("called")),
            connections=ConnectionLimit(0, ()),
            on_exit=lambda: None,
        )
        hooks.install(
            self.app,
            Authenticator(self.log),
            open_paths=frozenset({"/open"}),
            form_of=lambda path, headers: FORM,
            dialects={"model"},
            observers=self.observers,
        )
        serving = Serving(
            open=self._open,
            explained=lambda conversation: pytest.fail("called"),
            fetch=lambda conversation: conversation,
            expected=lambda conversation: 7,
            lifecycle=self.lifecycle,
            admission=Admission(1),
            limits=self.limits,  # type: ignore[arg-type]
            early_headers=0,
            ping_interval=60,
            default_model=lambda: "claude-sonnet-4-5",
        )
        self.app.get("/open", endpoint="open")(lambda: {"key": current().key})
        self.app.get("/bug", endpoint="bug")(lambda: str(1 / 0))
        self.app.post("/model", endpoint="model")(
            lambda: serving.respond(
                CONVERSATION, streamed=self.streamed, encoder=lambda meter: Encoder(), whole=whole
            )
        )

    def _open(self, conversation: Any, tap: Any) -> Call:
        self.log.append("called")
        if isinstance(self.call, Exception):
            raise self.call
        return self.call

    def begin(self, path: str, method: str = "POST", client: Any = None, **headers: str) -> Any:
        """The answer's body before anything of it was taken."""
        self.status = ""
        self.headers: dict[str, str] = {}

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            self.status, self.headers = status, dict(headers)

        environ = create_environ(path, method=method, headers=headers)
        return self.app(environ | {"gunicorn.socket": client}, start_response)

    def ask(self, path: str, method: str = "POST", **headers: str) -> bytes:
        body = self.begin(path, method, **({"x-api-key": "right"} | headers))
        try:
            return b"".join(body)
        finally:
            body.close()


@pytest.fixture(autouse=True)
def lines(
    monkeypatch: pytest.MonkeyPatch,
) -> list[dict[str, Any]]:
    """The log lines that were written, as fields."""
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(
        access_log, "write", lambda finished: written.append(access_log.fields(finished))
    )
    return written


def only(lines: list[dict[str, Any]]) -> dict[str, Any]:
    [line] = lines
    return line


def test_the_order_of_a_streamed_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(access_log, "write", lambda finished: log.append("line"))
    service = Service(log, streamed=True, observers=[lambda finished: log.append("observed")])
    body = service.begin("/model", **{"x-api-key": "right"})
    assert [next(iter(body))] == [b"Hello"]
    assert log == ["entered", "authenticated", "called"]
    body.close()
    assert log[3:] == ["call closed", "key left", "left", "observed", "line"]


def test_every_observer_is_told_once_of_each_request() -> None:
    told: list[Finished] = []
    service = Service(observers=[told.append])
    service.ask("/model")
    service.ask("/nothing", "GET")
    answered, refused = told
    assert (answered.route, answered.dialect, answered.end) == ("/model", "model", "end_turn")
    assert (answered.model_asked, answered.model) == (CONVERSATION.model, "m")
    assert answered.longest_gap is None, "it was not streamed"
    assert (refused.route, refused.dialect, refused.error) == ("", "", "not_found")


def test_the_gaps_of_a_stream_are_those_between_its_content() -> None:
    """A ping is no content."""

    class Slow(Call):
        def batches(self) -> Iterator[Sequence[Event]]:
            for batch in super().batches():
                gevent.sleep(0.05)
                yield batch

    told: list[Finished] = []
    service = Service(call=Slow(HELLO, [], END), streamed=True, observers=[told.append])
    service.ask("/model")
    [finished] = told
    assert finished.end == "end_turn"
    assert finished.longest_gap is not None
    assert 0.1 <= finished.longest_gap <= finished.total


def test_an_observer_that_fails_keeps_nothing_from_the_others(
    lines: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(finished: Finished) -> None:
        raise ZeroDivisionError

    told: list[Finished] = []
    service = Service(observers=[fail, told.append])
    assert service.ask("/model") == b"whole"
    assert len(told) == len(lines) == 1
    assert "could not be counted" in caplog.text


@pytest.mark.parametrize("streamed", [True, False])
def test_the_line_of_a_good_answer(streamed: bool, lines: list[dict[str, Any]]) -> None:
    service = Service(streamed=streamed)
    assert service.ask("/model") == (b"Hello." if streamed else b"whole")
    line = only(lines)
    assert line.keys() == OF_CALL | {"end"} | (OF_STREAM if streamed else set())
    assert (line["status"], line["streamed"], line["cancelled"]) == (200, streamed, False)
    assert line["attempts"] == 1, "the figures were read before the call was closed"
    assert line["output_tokens"] > 0
    assert service.headers["request-id"] == service.headers["x-request-id"] == line["request_id"]


def test_the_line_of_a_stream_that_fails(lines: list[dict[str, Any]]) -> None:
    service = Service(call=Call(HELLO, BROKEN), streamed=True)
    said = service.ask("/model", **{"x-request-id": "mine"})
    assert said == b"Helloerror truncated in mine"
    line = only(lines)
    assert line.keys() == OF_CALL | OF_FAILURE | OF_STREAM
    assert (line["status"], line["error"]) == (200, "truncated")
    assert line["attempts"] == 1


def test_the_line_of_a_whole_answer_that_fails(lines: list[dict[str, Any]]) -> None:
    service = Service(call=Call(HELLO, BROKEN))
    assert service.ask("/model", **{"x-request-id": "mine"}) == b"truncated in mine"
    line = only(lines)
    assert line.keys() == OF_CALL | OF_FAILURE
    assert (line["status"], line["error"], line["attempts"]) == (502, "truncated", 1)


def test_the_line_of_a_client_that_takes_no_more(lines: list[dict[str, Any]]) -> None:
    """The server cannot write, and closes the body in the middle."""
    service = Service(streamed=True)
    body = service.begin("/model", **{"x-api-key": "right"})
    pieces = iter(body)
    next(pieces)
    pieces.close()
    body.close()
    line = only(lines)
    assert line.keys() == OF_CALL | OF_FAILURE | OF_STREAM
    assert (line["error"], line["cancelled"]) == ("cancelled", True)


def test_the_line_of_a_client_that_leaves_while_it_waits(lines: list[dict[str, Any]]) -> None:
    class Silent(Call):
        def wait(self, seconds: float) -> bool:
            gevent.sleep(10)
            return False

    client, connection = socket.socketpair()
    service = Service(call=Silent())
    gevent.spawn_later(0.01, client.close)
    body = service.begin("/model", client=connection, **{"x-api-key": "right"})
    assert b"".join(body) == f"cancelled in {service.headers['request-id']}".encode()
    body.close()
    line = only(lines)
    assert line.keys() == OF_CALL | OF_FAILURE
    assert (line["status"], line["error"], line["cancelled"]) == (499, "cancelled", True)
    assert service.log[-3:] == ["call closed", "key left", "left"]


@pytest.mark.parametrize(
    ("path", "method", "headers", "status", "error"),
    [
        ("/model", "POST", {"x-api-key": "wrong"}, 401, "authentication"),
        ("/nothing", "GET", {}, 404, "not_found"),
        ("/model", "GET", {}, 405, "method_not_allowed"),
        ("/bug", "GET", {}, 500, "internal"),
    ],
)
def test_the_line_of_a_request_that_is_refused(
    lines: list[dict[str, Any]],
    path: str,
    method: str,
    headers: dict[str, str],
    status: int,
    error: str,
) -> None:
    service = Service()
    assert service.ask(path, method, **headers).startswith(error.encode())
    line = only(lines)
    assert line.keys() - {"key", "dialect"} == ALWAYS | OF_FAILURE
    assert ("key" in line) == (status != 401)
    assert (line["status"], line["error"], line["method"]) == (status, error, method)
    assert service.log[-1] == "left"


@pytest.mark.parametrize(("path", "method"), [("/open", "GET"), ("/model", "OPTIONS")])
def test_what_needs_no_key(path: str, method: str, lines: list[dict[str, Any]]) -> None:
    service = Service()
    service.ask(path, method, **{"x-api-key": "wrong"})
    assert service.status.startswith("200")
    assert service.log == ["entered", "left"]
    assert only(lines).keys() - {"dialect"} == ALWAYS


def test_a_stopping_worker_refuses_before_it_asks_for_a_key(lines: list[dict[str, Any]]) -> None:
    service = Service()
    service.lifecycle.end_all()
    service.ask("/model", **{"x-api-key": "wrong"})
    assert service.status.startswith("503")
    assert service.log == ["entered", "left"]
    assert only(lines)["error"] == "shutting_down"


class TestServing:
    """What a request takes is given back, whatever refuses it."""

    def test_a_call_that_cannot_be_opened(self, lines: list[dict[str, Any]]) -> None:
        service = Service(call=GatewayError(Kind.NO_CREDENTIAL, "No login."))
        service.ask("/model")
        assert service.status.startswith("503")
        assert only(lines).keys() == OF_MODEL | OF_FAILURE
        assert service.log[-2:] == ["key left", "left"]

    def test_without_a_place(self, lines: list[dict[str, Any]]) -> None:
        service = Service(streamed=True)
        running = service.begin("/model", **{"x-api-key": "right"})
        service.ask("/model")
        assert service.status.startswith("529")
        assert only(lines).keys() == OF_MODEL | OF_FAILURE
        running.close()
        assert service.ask("/model") == b"Hello."

    def test_a_place_is_free_again_after_every_end(self) -> None:
        service = Service(call=Call(HELLO, BROKEN))
        for streamed in (True, False, True):
            service.streamed = streamed
            service.call = Call(HELLO, BROKEN)
            assert b"truncated" in service.ask("/model")

    def test_beyond_the_rate(self, lines: list[dict[str, Any]]) -> None:
        """The rate's headers are on the refusal too."""
        service = Service()
        service.limits.error = RateExceeded(
            "Too many.", RateStatus(False, 3, 0, 1.0), retry_after=9
        )
        service.ask("/model")
        assert service.status.startswith("429")
        assert service.headers["x-left"] == "0 of 3"
        assert "called" not in service.log

    def test_within_the_rate(self) -> None:
        service = Service()
        service.limits.rate = RateStatus(True, 3, 2, 1.0)
        service.ask("/model")
        assert service.headers["x-left"] == "2 of 3"
        service.limits.rate = None
        service.ask("/open", "GET")
        assert "x-left" not in service.headers

    def test_a_call_without_events_begins_with_a_sign_of_life(self) -> None:
        service = Service(call=Call(HELLO, END, late=2), streamed=True)
        assert service.ask("/model") == b"pingHello."

    def test_what_was_ignored_and_repaired(self) -> None:
        call = Call(HELLO, END)
        call.ignored, call.repairs = ("top k",), ("merge-turns",)
        service = Service(call=call, streamed=True)
        service.ask("/model")
        assert service.headers["x-kiro-ignored"] == "top%20k"
        assert service.headers["x-kiro-repairs"] == "merge-turns"
        assert service.headers["Cache-Control"] == "no-cache"
        assert "Content-Length" not in service.headers
