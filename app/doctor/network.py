"""The way to the service: proxy, names, TLS (who signed), each host, and the clock of this machine.

No request here has a token: whatever a host answers shows that it is reached.
"""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from app.common.tls import HOW_TO_TRUST, tls_context
from app.upstream_http.connect import connect
from app.upstream_http.route import find_destination
from app.upstream_http.tls import Tls

from .fetching import Answer, Fetcher, NoAnswer
from .finding import Finding, ok, problem, warning

SKEW = 30.0
"""Seconds by which the clock may be wrong before it is said; tokens are renewed minutes before they
expire."""

BAD_SKEW = 240.0


class Host(NamedTuple):
    """A host of the service. One host of each ``group`` is enough; "" for one that is needed."""

    what: str
    url: str
    group: str = ""


class Reached(NamedTuple):
    """What came of it. ``signer`` is who signed the certificate, "" without TLS."""

    host: Host
    answer: Answer | None
    failure: NoAnswer | None
    signer: str


def proxy(url: str | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Which proxy is used, and which one of the environment is not."""
    if url:
        yield ok("proxy", f"KIRO_UPSTREAM_PROXY: {_without_user(url)}")
        return
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        if environ.get(name):
            text = f"{name} is set, and KIRO_UPSTREAM_PROXY is not"
            means = "calls to AWS go without the proxy: this program does not read that variable"
            yield warning("proxy", text, means, "set KIRO_UPSTREAM_PROXY if AWS needs the proxy")
            return
    yield ok("proxy", "none: calls to AWS go directly")


def hosts(
    wanted: Sequence[Host], fetcher: Fetcher, proxy_url: str | None, timeout: float,
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:  # fmt: skip
    """A finding for each host, and one for the clock."""
    with ThreadPoolExecutor(len(wanted) or 1) as pool:
        tried = list(pool.map(lambda host: _try(host, fetcher, proxy_url, timeout, clock), wanted))
    reached = {one.host.group for one, _ in tried if one.answer}
    for (host, answer, failure, signer), _ in tried:
        if failure:
            is_needed = not host.group or host.group not in reached
            yield _unreachable(host, failure, proxy_url, signer, is_needed=is_needed)
        elif answer:
            signed = f", signed by {signer}" if signer else ""
            yield ok("host", f"{host.what}: {_name(host.url)} answers{signed}")
            yield from _plain(host)
    skews = [skew for _, skew in tried if skew is not None]
    yield from _clock(skews)


def _try(
    host: Host, fetcher: Fetcher, proxy_url: str | None, timeout: float,
    clock: Callable[[], float],
) -> tuple[Reached, float | None]:  # fmt: skip
    try:
        answer = fetcher.fetch(host.url)
    except NoAnswer as failure:
        signer = (
            _signer(host.url, proxy_url, timeout, trust=False) if failure.reason == "tls" else ""
        )
        return Reached(host, None, failure, signer), None
    skew = _skew(answer, clock())
    return Reached(host, answer, None, _signer(host.url, proxy_url, timeout, trust=True)), skew


def _skew(answer: Answer, now: float) -> float | None:
    """By how many seconds this machine's clock is ahead of the host's; None if that says none."""
    try:
        date = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
    return now - answer.seconds / 2 - date


def _clock(skews: Sequence[float]) -> Iterator[Finding]:
    if not skews:
        text = "not compared: no host that was reached says the time"
        yield ok("clock", text)
        return
    skew = sorted(skews)[len(skews) // 2]
    if abs(skew) <= SKEW:
        yield ok("clock", "agrees with the service's")
        return
    text = f"this machine's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
    means = "tokens seem to expire early or late, and are refused or refreshed in vain"
    level = problem if abs(skew) > BAD_SKEW else warning
    yield level("clock", text, means, "set it by NTP (`timedatectl set-ntp true`)")


def _plain(host: Host) -> Iterator[Finding]:
    parts = urlsplit(host.url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        means = "tokens and prompts go over the network as they are"
        text = f"{host.what}: {_name(host.url)} is asked without TLS"
        yield warning("host", text, means, "use an https URL")


def _unreachable(
    host: Host, failure: NoAnswer, proxy_url: str | None, signer: str, *, is_needed: bool
) -> Finding:
    text = f"{host.what}: {_name(host.url)} {failure}"
    if signer:
        text += f"; it is signed by {signer}"
    by = f" {_without_user(proxy_url)}" if proxy_url else ""
    advice = {
        "name": f"check the DNS of this machine, and the region (KIRO_REGION) in the name{_or(by)}",
        "proxy": f"check that the proxy{by} runs and allows this host (KIRO_UPSTREAM_PROXY)",
        "tls": HOW_TO_TRUST,
        "timeout": f"check the firewall; a proxy is named in KIRO_UPSTREAM_PROXY{_or(by)}",
        "connection": f"check the firewall; a proxy is named in KIRO_UPSTREAM_PROXY{_or(by)}",
    }[failure.reason]
    if is_needed:
        return problem("host", text, "requests that need this host fail", advice)
    means = "an older or newer generation of hosts answers; an older one has fewer models"
    return warning("host", text, means, advice)


def _or(by: str) -> str:
    return f" (now{by})" if by else ""


def _signer(url: str, proxy_url: str | None, timeout: float, *, trust: bool) -> str:
    """Who signed the certificate of a host, "" if there is none. Without ``trust`` the certificate
    is only looked at, and nothing is sent.
    """
    if not url.startswith("https:"):
        return ""
    context = tls_context() if trust else _blind()
    try:
        connection = connect(find_destination(url, proxy_url or "").route, timeout, Tls(context))
        try:
            der = connection.sock.certificate()
        finally:
            connection.sock.close()
    except (OSError, AttributeError, ValueError):
        return ""
    return _issuer(der) if der else ""


def _blind() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nosec # to read whose certificate it is; sends nothing
    return context


def _issuer(der: bytes) -> str:
    issuer = x509.load_der_x509_certificate(der).issuer
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        if found := issuer.get_attributes_for_oid(oid):
            return str(found[0].value)
    return issuer.rfc4514_string() or "nobody that is named"


def _name(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
