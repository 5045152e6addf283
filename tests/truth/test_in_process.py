"""The whole gateway but its sockets: random answers, cut at random places, asked for again where
they may be. Everything a client hears must be true.
"""

from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import application, gateway
from app.codewhisperer.service.hosts import HostChoice
from app.codewhisperer.upstream import CodeWhisperer
from app.credentials import Token
from app.errors import GatewayError, Kind
from app.gateway import Gateway
from app.models import names
from app.settings import Settings
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import Dialect
from tests.chaos.received import Heard as Answer
from tests.truth.judging import differences
from tests.truth.stories import Telling, tell, told_to_stream, told_whole

ATTEMPTS = 3


class Sent:
    """An upstream's answer that arrives in random pieces, with ticks of silence between them."""

    headers: Mapping[str, str] = {}

    def __init__(self, telling: Telling, random: Random) -> None:
        self.complete = False
        self._telling = telling
        self._random = random

    def limit(self, **_: float) -> None:
        """Nothing here takes time."""

    def close(self) -> None:
        """Nothing here is open."""

    def __iter__(self) -> Iterator[bytes]:
        body, at = self._telling.body, 0
        longest = self._random.choice((1, 40, 400, 4000))
        while at < len(body):
            size = self._random.randint(1, longest)
            yield body[at : at + size]
            at += size
            if self._random.random() < 0.1:
                yield b""
        if self._telling.end == "broken":
            raise GatewayError(Kind.TRUNCATED, "It broke off.")
        self.complete = self._telling.end == "whole"


class Upstream:
    """A client of the upstream that is told what comes."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.tellings: list[Telling] = []

    def open(self, *_: object, **__: object) -> Sent:
        return Sent(self.tellings.pop(0), self.random)


class Login:
    """One account that works."""

    def token(self, session: str = "") -> Token:
        return Token("a", "social", None, None, "account", inf)  # type: ignore[arg-type]

    def accepted(self, token: Token) -> None:
        """Good."""

    def failed(self, token: Token, error: Exception) -> None:
        """There is no other."""

    refused = failed


class House:
    """The application over an upstream that tells stories."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.random = Random(seed)
        self.upstream = Upstream(self.random)
        settings = Settings(kiro_token_file=Path("none"))
        monkeypatch.setattr(application, "_gateway", self._gateway)
        monkeypatch.setattr(gateway, "FIRST_PAUSE", 0.0)
        self.client: FlaskClient = application.create_app(settings).test_client()

    def _gateway(self, settings: Settings) -> Gateway:
        client: Any = self.upstream
        login: Any = Login()
        hosts = HostChoice("http://127.0.0.1:1", None)
        return Gateway(
            upstream=CodeWhisperer(client, hosts, idle=60, ping=60, max_tool_description=10_000),
            credentials=login,
            resolve=lambda name: names.resolve(name, default="claude-sonnet-4-5", aliases={}),
            first_event=60,
            total=inf,
        )

    def tell(self, dialect: Dialect, *, stream: bool) -> list[str]:
        """What was untrue in the answer to a request."""
        tellings = [tell(self.random) for _ in range(ATTEMPTS)]
        self.upstream.tellings = [*tellings]
        response = self.client.post(
            dialect.path,
            data=dialect.body("Hello", stream=stream),
            headers={"x-api-key": "123456", "host": "localhost"},
        )
        answer = Answer(status=response.status_code)
        if answer.status != 200:
            dialect.read_error(response.data, answer)
        elif stream:
            dialect.read_stream(response.data, answer)
        else:
            dialect.read_whole(response.data, answer)
        response.close()
        must = told_to_stream(tellings) if stream else told_whole(tellings)
        return [*differences(answer, must, dialect, stream=stream)]


def try_many(count: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(seed, monkeypatch)
    for number in range(count):
        for dialect in DIALECTS:
            for stream in (True, False):
                untrue = house.tell(dialect, stream=stream)
                what = f"seed {seed}, story {number}, {dialect.name}, stream={stream}"
                assert not untrue, f"{what}: {untrue}"


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_stories(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    try_many(100, seed, monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1000, 1010))
def test_a_thousand_stories(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    try_many(1000, seed, monkeypatch)
