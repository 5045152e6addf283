from collections.abc import Iterator

import pytest

from app.simulator import Simulator
from tests.simulator.client import TOKEN, Client


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(tokens=(TOKEN,)) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    client = Client(simulator)
    yield client
    client.close()
