from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from flask import Flask
from werkzeug.test import create_environ

from app.common.errors import GatewayError, Kind
from app.web import request_body

BODY = b'{"model": "claude-sonnet-4-6"}'


class Upload:
    """The body of a request that comes byte by byte, with a pause before each."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._left: Iterator[int] = iter(BODY)

    def read(self, size: int = -1) -> bytes:
        data = bytearray()
        while size < 0 or len(data) < size:
            gevent.sleep(self._pause)
            if (byte := next(self._left, None)) is None:
                break
            data.append(byte)
        return bytes(data)


def received(pause: float, **environ: Any) -> bytes:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    environ = create_environ(method="POST") | {"wsgi.input": Upload(pause)} | environ
    with app.request_context(environ):
        return request_body.body()


SIZES = pytest.mark.parametrize(
    "environ", [{"CONTENT_LENGTH": str(len(BODY))}, {"wsgi.input_terminated": True}]
)


@SIZES
def test_a_slow_body_is_waited_for(environ: dict[str, Any]) -> None:
    assert received(0.001, **environ) == BODY


@SIZES
def test_not_for_ever(environ: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause alone is short enough for the socket."""
    monkeypatch.setattr(request_body, "GRACE", 0.1)
    with pytest.raises(GatewayError, match="was incomplete after") as refused:
        received(0.02, **environ)
    assert refused.value.kind is Kind.INVALID_REQUEST


def test_a_longer_body_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "GRACE", 0.1)
    monkeypatch.setattr(request_body, "SLOWEST", 10)
    assert received(0.01, CONTENT_LENGTH=str(len(BODY))) == BODY
