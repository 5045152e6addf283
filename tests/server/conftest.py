"""A worker that serves each test's service."""

import os
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from app.server.worker import Worker
from tests.server.served import Connection, Service


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def worker(service: Service) -> Worker:
    config = Config()
    config.set("graceful_timeout", 3)
    made = Worker(1, os.getppid(), [], None, 30, config, Logger(config))
    made.wsgi = service
    return made


@pytest.fixture
def connection(worker: Worker) -> Iterator[Connection]:
    made = Connection(worker)
    yield made
    made.close()
