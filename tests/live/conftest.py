"""The gateway and the simulated upstream, once for all live tests of a session."""

from collections.abc import Iterator

import pytest

from app.simulator import Simulator
from tests.live.servers import Gateway


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def upstream(simulator: Simulator) -> Simulator:
    """The simulated upstream without what earlier tests told it and sent to it."""
    simulator.reset()
    return simulator


@pytest.fixture(scope="session")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(simulator.url, tmp_path_factory.mktemp("gateway"))
    yield running
    running.stop()
