"""What is in front of the gateway: a real nginx, with the configurations that people write."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.doctor import server
from app.doctor.fetching import Fetcher
from app.doctor.finding import Finding, Level
from app.doctor.front import front
from app.settings import Settings
from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.live.servers import KEY, Gateway, free_port

CONFIGURATION = """\
daemon off; master_process off; pid {work}/pid; error_log {work}/errors; worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {work}/1; proxy_temp_path {work}/2; fastcgi_temp_path {work}/3;
  uwsgi_temp_path {work}/4; scgi_temp_path {work}/5;
  server {{ listen 127.0.0.1:{port}; {location} {{ proxy_pass {gateway}; {more} }} }}
}}
"""
GOOD = "proxy_http_version 1.1; proxy_buffering off; client_max_body_size 64m;"
Nginx = Callable[..., str]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Simulator() as upstream:
        running = Gateway(upstream.url, tmp_path_factory.mktemp("gateway"))
        yield running
        running.stop()


@pytest.fixture
def nginx(gateway: Gateway, tmp_path: Path) -> Iterator[Nginx]:
    """Starts nginx in front of the gateway, or of ``to``; returns its URL."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    require(program, "nginx")
    started: list[subprocess.Popen[bytes]] = []

    def start(more: str, location: str = "location /", to: str = "") -> str:
        port = free_port()
        text = CONFIGURATION.format(
            work=tmp_path, port=port, location=location, gateway=to or gateway.url, more=more
        )
        (tmp_path / "nginx.conf").write_text(text)
        command = [str(program), "-e", str(tmp_path / "errors"), "-c", str(tmp_path / "nginx.conf")]
        started.append(subprocess.Popen(command))
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError:
                return url
            except OSError:
                time.sleep(0.02)
            else:
                return url
        raise AssertionError((tmp_path / "errors").read_text())

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def examined(url: str, key: str = KEY) -> list[Finding]:
    fetcher = Fetcher(None, 20)
    try:
        return list(front(url, key, fetcher))
    finally:
        fetcher.close()


def bad(url: str, key: str = KEY) -> list[Finding]:
    return [one for one in examined(url, key) if one.level is not Level.OK]


def test_a_gateway_that_listens_at_its_own_port(gateway: Gateway) -> None:
    fetcher = Fetcher(None, 20)
    (found,) = server.port(Settings(port=gateway.port), fetcher)
    fetcher.close()
    assert (found.level, "kiro2api" in found.text) == (Level.OK, True)


@pytest.mark.parametrize(
    ("wrong", "meaning"),
    [
        ({"stuck_workers": 1}, "1 of its workers does nothing any more; the others serve"),
        ({"credentials": "2 problem(s)"}, "requests work, but a login needs repair"),
        ({}, "requests work, but something needs repair"),
    ],
)
def test_a_gateway_that_is_degraded(
    wrong: dict[str, object], meaning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"status": "degraded", "version": "1.2.3", **wrong}
    monkeypatch.setattr(server, "_version", lambda *_: told)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (found,) = server.port(Settings(port=taken.getsockname()[1]), Fetcher(None, 20))
    assert (found.level, found.meaning) == (Level.WARNING, meaning)


def test_all_is_well(nginx: Nginx) -> None:
    url = nginx(GOOD)
    for form, said in ((url, "with /v1"), (f"{url}/v1", "ends in /v1"), (f"{url}/", "with /v1")):
        found = examined(form)
        assert [one.level for one in found] == [Level.OK] * 3, found
        assert said in found[0].text


def test_streams_that_are_buffered(nginx: Nginx) -> None:
    """nginx does as it is asked by the header X-Accel-Buffering, unless it is told otherwise."""
    assert bad(nginx("client_max_body_size 64m;")) == []
    found = bad(nginx("proxy_ignore_headers X-Accel-Buffering; client_max_body_size 64m;"))
    assert [one.text for one in found] == ["a stream arrives all at once, at its end"]
    assert "proxy_buffering off" in found[0].advice


def test_streams_that_are_compressed(nginx: Nginx) -> None:
    gzip = "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_proxied any;"
    (found,) = bad(nginx(f"{GOOD} {gzip}"))
    assert found.text == "streams are compressed (gzip)"
    assert "gzip off" in found.advice


def test_bodies_that_are_too_small(nginx: Nginx) -> None:
    (found,) = bad(nginx("proxy_http_version 1.1; proxy_buffering off;"))
    assert "status 413" in found.text
    assert "client_max_body_size" in found.advice


def test_a_long_request_that_fails_otherwise(nginx: Nginx) -> None:
    (found,) = bad(nginx(f"{GOOD} if ($request_method = POST) {{ return 418; }}"))
    assert "a request of 2 MB is answered with status 418" in found.text
    assert found.level is Level.WARNING


def test_a_gateway_that_does_not_run(nginx: Nginx) -> None:
    (found,) = bad(nginx(GOOD, to="http://127.0.0.1:9"))
    assert "status 502" in found.text
    assert "does not reach the gateway" in found.meaning


def test_a_proxy_that_passes_one_path_only(nginx: Nginx) -> None:
    (found,) = bad(nginx(GOOD, location="location /v1/"))
    assert "/health is answered with status 404" in found.text


def test_a_key_that_does_not_get_through(nginx: Nginx) -> None:
    (found,) = bad(nginx(f'{GOOD} proxy_set_header Authorization "";'))[:1]
    assert "the key was refused (status 401)" in found.text


def test_nobody_there() -> None:
    (found,) = bad(f"http://127.0.0.1:{free_port()}")
    assert found.meaning == "clients do not reach the gateway"


def test_a_front_without_tls() -> None:
    assert "without TLS" in bad("http://no-host.invalid")[0].text
