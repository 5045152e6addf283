"""What holds for every test: a property is about values, so a slow machine is no failure of it. And
a certificate authority of the tests' own, and a Redis server.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import settings

from app.common.tls import tls_context
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer

settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One for the tests of a module, which clear it."""
    require(RedisServer.is_installed(), "redis-server")
    running = RedisServer(tmp_path_factory.mktemp("redis"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server whose certificate the authority signed, for 127.0.0.1 and a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "auth.test").configure_cert(context)
    return context


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The authority is in SSL_CERT_FILE, as in a process that starts so."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()
