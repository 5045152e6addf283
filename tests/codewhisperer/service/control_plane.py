"""A control plane that answers each host from a table, and notes what it was asked."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from app.codewhisperer.client import Client
from app.codewhisperer.service.errors import from_response
from app.codewhisperer.service.hosts import HostChoice
from app.codewhisperer.service.operations import ControlPlane


class Asked:
    """A request, as far as tests look at it."""

    def __init__(self, url: str, headers: Mapping[str, str], body: bytes | None) -> None:
        self.host = urlsplit(url).hostname or ""
        self.headers = headers
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.members = query | (json.loads(body) if body else {})


Answer = tuple[int, Mapping[str, Any]]


class FakeClient:
    """``answer`` gives status and body of each request."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self._answer = answer
        self.asked: list[Asked] = []

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> bytes:
        self.asked.append(Asked(url, headers, body))
        status, members = self._answer(self.asked[-1])
        content = json.dumps(members).encode()
        if status != 200:
            raise from_response(status, {}, content)
        return content

    @property
    def hosts(self) -> list[str]:
        return [one.host for one in self.asked]


def control_plane(
    answer: Callable[[Asked], Answer], hosts: HostChoice | None = None
) -> tuple[ControlPlane, FakeClient]:
    client = FakeClient(answer)
    return ControlPlane(cast(Client, client), hosts or HostChoice(None, None)), client
