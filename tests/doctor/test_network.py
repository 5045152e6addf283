"""The way to the service: names, TLS, proxies, clocks. No request leaves this machine."""

import ssl
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.credentials import AccountReport, Condition
from app.doctor import network
from app.doctor.fetching import Fetcher
from app.doctor.finding import Finding, Level
from app.doctor.hosts import wanted
from app.doctor.network import Host
from app.settings import Settings
from app.simulator import Simulator

AHEAD = [0.0]
"""Seconds by which the clock of the server below is behind that of this machine."""


class _Clock(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response_only(404)
        self.send_header("Date", formatdate(time.time() - AHEAD[0], usegmt=True))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def clock() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Clock) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def examined(*hosts: Host, proxy: str | None = None) -> list[Finding]:
    fetcher = Fetcher(proxy, 5)
    try:
        return list(network.hosts(hosts, fetcher, proxy, 5))
    finally:
        fetcher.close()


@pytest.mark.parametrize(
    ("ahead", "level", "text"),
    [
        (0.0, Level.OK, "agrees"),
        (100.0, Level.WARNING, "100 s ahead"),
        (-100.0, Level.WARNING, "behind"),
        (-3600.0, Level.PROBLEM, "behind"),
    ],
)
def test_the_clock(clock: str, ahead: float, level: Level, text: str) -> None:
    AHEAD[0] = ahead
    found = examined(Host("sign-in", clock))[-1]
    assert (found.area, found.level) == ("clock", level)
    assert text.split()[-1] in found.text
    assert level is Level.OK or "NTP" in found.advice


def test_one_generation_of_hosts_is_enough(clock: str) -> None:
    AHEAD[0] = 0.0
    gone = Host("chat (kiro)", "http://127.0.0.1:9", "chat")
    found = examined(gone, Host("chat (q)", clock, "chat"))
    assert [one.level for one in found] == [Level.WARNING, Level.OK, Level.OK]
    assert examined(gone)[0].level is Level.PROBLEM


def test_a_name_that_nobody_knows() -> None:
    found = examined(Host("chat", "https://no-host.invalid"))[0]
    assert (found.level, "cannot be resolved" in found.text) == (Level.PROBLEM, True)
    assert "DNS" in found.advice


@pytest.mark.usefixtures("trusted")
def test_who_signed_a_certificate_that_is_trusted(tls: ssl.SSLContext) -> None:
    with Simulator(tls=tls) as upstream:
        found = examined(Host("chat", upstream.url))[0]
    assert found.level is Level.OK
    assert "signed by trustme" in found.text


def test_who_signed_a_certificate_that_is_not_trusted(tls: ssl.SSLContext) -> None:
    with Simulator(tls=tls) as upstream:
        found = examined(Host("chat", upstream.url))[0]
        assert upstream.requests == []
    assert found.level is Level.PROBLEM
    assert "not trusted" in found.text
    assert "signed by trustme" in found.text
    assert "SSL_CERT_FILE" in found.advice


def test_which_hosts_are_called() -> None:
    def report(kind: str, region: str | None) -> AccountReport:
        return AccountReport(
            account="a",
            source="s",
            description="",
            kind=kind,
            expires_at=0,
            profile_arn=None,
            region=region,
            login_region=region,
            quota=None,
            quota_at=0,
            quota_problem="",
            state=Condition.READY,
            why="",
            until=0,
            usable=True,
        )

    hosts = wanted(Settings(), [report("idc", "eu-central-1"), report("social", None)])
    urls = {host.url: host.group for host in hosts}
    assert urls["https://oidc.eu-central-1.amazonaws.com"] == ""
    assert "https://q.eu-central-1.amazonaws.com" in urls
    assert "https://codewhisperer.us-east-1.amazonaws.com" in urls
    assert "https://codewhisperer.eu-central-1.amazonaws.com" not in urls
    assert len(urls) == len(hosts)
    (only,) = {host.url for host in wanted(Settings(kiro_api_url="http://127.0.0.1:1"), [])}
    assert only == "http://127.0.0.1:1"
