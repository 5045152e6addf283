"""deploy/nginx/kiro2api.conf in a real nginx, set up as on Debian, beside its default site."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.live.servers import KEY, ROOT, Gateway, free_port

MAIN = """\
daemon off; master_process off; pid {work}/pid; error_log {work}/errors; worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {work}/1; proxy_temp_path {work}/2; fastcgi_temp_path {work}/3;
  uwsgi_temp_path {work}/4; scgi_temp_path {work}/5;
  server {{ listen {port} default_server; server_name _; return 200 "Welcome to nginx!"; }}
  include {work}/kiro2api.conf;
}}
"""
"""The last server but ours is Debian's default site."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Simulator() as upstream:
        running = Gateway(upstream.url, tmp_path_factory.mktemp("gateway"))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def front(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """nginx's URL."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    require(program, "nginx")
    work, port = tmp_path_factory.mktemp("nginx"), free_port()
    ours = (ROOT / "deploy" / "nginx" / "kiro2api.conf").read_text()
    for shipped, here in (
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{gateway.port};"),
        ("listen 80;", f"listen {port};"),
        ("listen [::]:80;", ""),  # not every machine has IPv6
    ):
        assert ours.count(shipped) == 1
        ours = ours.replace(shipped, here)
    (work / "kiro2api.conf").write_text(ours)
    (work / "nginx.conf").write_text(MAIN.format(work=work, port=port))
    process = subprocess.Popen(
        [str(program), "-e", str(work / "errors"), "-c", str(work / "nginx.conf")]
    )
    try:
        wait_for(port, work)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int, work: Path) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail((work / "errors").read_text())


def ask(front: str, body: bytes, **headers: str) -> bytes:
    sent = {"x-api-key": KEY, "content-type": "application/json", **headers}
    request = urllib.request.Request(f"{front}/v1/messages", body, sent)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: bytes = answer.read()
        return found


def message(text: str, **more: object) -> bytes:
    told = {"model": "claude-sonnet-4-5", "max_tokens": 64, **more}
    return json.dumps(told | {"messages": [{"role": "user", "content": text}]}).encode()


def test_it_wins_over_the_default_site(front):
    with urllib.request.urlopen(f"{front}/health", timeout=20) as answer:
        assert answer.read() == b"OK"


def test_a_stream_is_passed_on_as_it_comes(front):
    request = urllib.request.Request(f"{front}/health/stream", headers={"x-api-key": KEY})
    arrivals = []
    with urllib.request.urlopen(request, timeout=20) as answer:
        while answer.read1():
            arrivals.append(time.monotonic())
    assert len(arrivals) >= 3
    assert arrivals[-1] - arrivals[0] > 0.5  # buffered, all of it would come at the end


def test_a_large_body_reaches_the_gateway(front):
    image = "A" * (20 << 20)  # refused by the gateway in its clients' words, not by nginx
    block = {"type": "base64", "media_type": "image/png", "data": image}
    body = message("x")
    told = json.loads(body)
    told["messages"][0]["content"] = [{"type": "image", "source": block}]
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(front, json.dumps(told).encode())
    assert json.loads(refused.value.read())["type"] == "error"


def test_the_page_knows_the_port_that_the_browser_asks(front):
    """A browser says of plain HTTP to another machine only where a form comes from."""
    form = urllib.parse.urlencode({"key": KEY}).encode()
    request = urllib.request.Request(f"{front}/dashboard/login", form, {"Origin": front})
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(request, timeout=20).close()
    with opener.open(f"{front}/dashboard/setup", timeout=20) as answer:
        assert front in answer.read().decode()


def test_the_client_and_its_request_id_are_in_the_log(front, gateway):
    ask(
        front,
        message("hi"),
        **{"x-request-id": "through-nginx.1", "x-forwarded-for": "203.0.113.9"},
    )
    line = gateway.wait_for_line("through-nginx.1")
    assert line["client"] == "127.0.0.1"  # not what the client claims to be
