"""The whole gateway without sockets, against random answers that are cut at random places.

Retries are allowed where the protocol allows them. A client must never receive anything untrue.
"""

import json
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import application, retry
from app.catalogue.choice import ModelChoice
from app.codewhisperer.service.hosts import HostChoice
from app.codewhisperer.upstream import CodeWhisperer
from app.common.errors import GatewayError, Kind
from app.credentials import Token
from app.gateway import Gateway
from app.settings import Settings
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import DialectClient, ReceivedAnswer
from tests.truth.judging import differences
from tests.truth.stories import (
    Transmission,
    expected_stream,
    expected_whole,
    random_sequences,
    random_transmission,
)

ATTEMPTS = 3
STOPS = {"anthropic": "stop_sequences", "openai-chat": "stop"}
"""The dialects that have stop sequences, and their word for them."""


class FakeBody:
    """A response body that arrives in random pieces, with pauses (empty pieces) between them."""

    headers: Mapping[str, str] = {}
    ended_quietly = False

    def __init__(self, transmission: Transmission, random: Random) -> None:
        self.complete = False
        self._transmission = transmission
        self._random = random

    def limit(self, **_: float) -> None:
        """Ignore the limits: nothing here takes time."""

    def end_when_quiet(self, silence: float) -> None:
        """Ignore that too."""

    def close(self) -> None:
        """Do nothing: nothing here is open."""

    def __iter__(self) -> Iterator[bytes]:
        body, at = self._transmission.body, 0
        longest = self._random.choice((1, 40, 400, 4000))
        while at < len(body):
            size = self._random.randint(1, longest)
            yield body[at : at + size]
            at += size
            if self._random.random() < 0.1:
                yield b""
        if self._transmission.end == "broken":
            raise GatewayError(Kind.TRUNCATED, "The answer broke off.")
        self.complete = self._transmission.end == "whole"


class FakeUpstream:
    """A client of the upstream whose next responses are ``transmissions``."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.transmissions: list[Transmission] = []

    def open(self, *_: object, **__: object) -> FakeBody:
        return FakeBody(self.transmissions.pop(0), self.random)


class FakeCredentials:
    """One account that always works."""

    def token(self, session: str = "", lacking: frozenset[str] = frozenset()) -> Token:
        return Token("a", "social", None, None, "account", inf)  # type: ignore[arg-type]

    def accepted(self, token: Token) -> None:
        """Ignore the report."""

    def failed(self, token: Token, error: Exception) -> None:
        """Ignore the report: there is no other account."""

    refused = failed

    def problems(self) -> list[str]:
        return []

    report = store_problems = problems

    def why_unready(self) -> str:
        return ""

    def ask_quotas(self, *, older_than: float) -> None:
        """Ask nobody."""

    def close(self) -> None:
        """Do nothing: no refresh runs."""


class InProcessGateway:
    """The application with a fake upstream that sends random stories."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.random = Random(seed)
        self.upstream = FakeUpstream(self.random)
        settings = Settings(kiro_token_file=Path("none"))
        monkeypatch.setattr(application, "_gateway", self._gateway)
        monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)
        self.client: FlaskClient = application.create_app(settings).test_client()

    def _gateway(self, settings: Settings, *_: object) -> Gateway:
        client: Any = self.upstream
        login: Any = FakeCredentials()
        hosts = HostChoice("http://127.0.0.1:1", None)
        return Gateway(
            upstream=CodeWhisperer(client, hosts, idle=60, ping=60, max_tool_description=10_000),
            credentials=login,
            models=ModelChoice(default="claude-sonnet-4-5", aliases={}),
            first_event=60,
            total=inf,
        )

    def try_story(self, dialect: DialectClient, *, stream: bool, stops: bool = False) -> list[str]:
        """Send a request, with ``stops`` one with stop sequences; return the differences of its
        answer from the expected one.
        """
        transmissions = [random_transmission(self.random) for _ in range(ATTEMPTS)]
        body, sequences = json.loads(dialect.body("Hello", stream=stream)), list[str]()
        if stops and not any(one.story.holds_text_back() for one in transmissions):
            sequences = random_sequences(self.random, transmissions)
            body[STOPS[dialect.name]] = sequences
        self.upstream.transmissions = [*transmissions]
        response = self.client.post(
            dialect.path,
            data=json.dumps(body).encode(),
            headers={"x-api-key": "123456", "host": "localhost"},
        )
        answer = ReceivedAnswer(status=response.status_code)
        if answer.status != 200:
            dialect.read_error(response.data, answer)
        elif stream:
            dialect.read_stream(response.data, answer)
        else:
            dialect.read_whole(response.data, answer)
        response.close()
        expect = expected_stream if stream else expected_whole
        expected = expect(transmissions, sequences)
        return [*differences(answer, expected, dialect, stream=stream)]


def try_many(
    count: int, seed: int, monkeypatch: pytest.MonkeyPatch, *, stops: bool = False
) -> None:
    gateway_under_test = InProcessGateway(seed, monkeypatch)
    dialects = [dialect for dialect in DIALECTS if not stops or dialect.name in STOPS]
    for number in range(count):
        for dialect in dialects:
            for stream in (True, False):
                found = gateway_under_test.try_story(dialect, stream=stream, stops=stops)
                what = f"seed {seed}, story {number}, {dialect.name}, stream={stream}"
                assert not found, f"{what}: {found}"


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_stories(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    try_many(100, seed, monkeypatch)


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_stories_with_stop_sequences(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    try_many(100, seed, monkeypatch, stops=True)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1000, 1010))
def test_a_thousand_stories(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    try_many(1000, seed, monkeypatch)
