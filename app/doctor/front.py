"""The proxy in front of the gateway, such as nginx: does it let streams through as they come?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from .fetching import Answer, Fetcher, NoAnswer
from .finding import Finding, ok, problem, warning

STREAM = "/health/stream"
_LARGE = 2 * 1024 * 1024
"""Bytes: twice what nginx takes by default."""
_EXAMPLE = "deploy/nginx/kiro2api.conf is an example that works"


def front(url: str, key: str, fetcher: Fetcher) -> Iterator[Finding]:
    """Findings on the address that clients use."""
    base = url.rstrip("/").removesuffix("/v1")
    parts = urlsplit(url)
    if base != url.rstrip("/"):
        yield ok("front", "the URL ends in /v1: right for clients of OpenAI's APIs; those of "
                          "Anthropic's get it without")  # fmt: skip
    else:
        yield ok("front", "the URL has no /v1: right for clients of Anthropic's API; those of "
                          "OpenAI's get it with /v1")  # fmt: skip
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        text = f"{parts.netloc} is asked without TLS"
        yield warning("front", text, "keys and prompts can be read on the way", "add TLS")
    try:
        answer = fetcher.fetch(f"{base}/health")
        if failure := _not_ours(answer):
            yield failure
            return
        headers = {"Authorization": f"Bearer {key}"}
        yield from _stream(base, headers, fetcher)
        yield from _body(base, headers, fetcher)
    except NoAnswer as error:
        text = f"{parts.netloc} {error}"
        yield problem("front", text, "clients do not reach the gateway", "check that it runs")


def _not_ours(answer: Answer) -> Finding | None:
    if answer.status == 200 and answer.body.strip() == b"OK":
        return None
    text = f"/health is answered with status {answer.status}"
    if answer.status in (502, 503, 504):
        means = "the proxy runs, but does not reach the gateway"
        return problem("front", text, means, "check proxy_pass, and that the gateway runs")
    means = "the proxy does not pass this path to the gateway"
    return problem("front", text, means, f"pass every path, from / on; {_EXAMPLE}")


def _stream(base: str, headers: Mapping[str, str], fetcher: Fetcher) -> Iterator[Finding]:
    usual = {"Accept-Encoding": "gzip", **headers}  # as clients ask
    answer, moments = fetcher.arrivals(f"{base}{STREAM}", usual)
    if _came_at_once(answer, moments):  # or this machine was busy just then
        answer, moments = fetcher.arrivals(f"{base}{STREAM}", usual)
    if answer.status in (401, 403):
        text = f"the key was refused (status {answer.status})"
        means = "either it is another gateway's, or the proxy drops the header Authorization"
        yield problem("front", text, means, "check the key, and what the proxy does with headers")
    elif answer.status != 200:
        means = "whether streams are buffered is not known"
        text = f"{STREAM} is answered with status {answer.status}"
        yield warning("front", text, means, "bring the gateway behind it up to date")
    elif "content-encoding" in answer.headers:
        text = f"streams are compressed ({answer.headers['content-encoding']})"
        means = "pieces of an answer wait in the compressor"
        yield problem("front", text, means, f"switch it off: gzip off; {_EXAMPLE}")
    elif _came_at_once(answer, moments):
        text = "a stream arrives all at once, at its end"
        means = "clients see nothing until an answer is complete, and may give up before"
        what = "set proxy_buffering off and proxy_http_version 1.1; " + _EXAMPLE
        yield problem("front", text, means, what)
    else:
        yield ok("front", "streams arrive piece by piece")


def _came_at_once(answer: Answer, moments: Sequence[float]) -> bool:
    """Whether the pieces of the stream came in less than half of the time that it took to send."""
    takes = float(answer.headers.get("x-kiro-takes", 0))
    return bool(moments) and moments[-1] - moments[0] < takes / 2


def _body(base: str, headers: Mapping[str, str], fetcher: Fetcher) -> Iterator[Finding]:
    """Whether a long conversation gets through; counting its tokens costs nothing."""
    message = {"role": "user", "content": "word " * (_LARGE // 5)}
    body = json.dumps({"model": "auto", "messages": [message]}).encode()
    given = {**headers, "content-type": "application/json"}
    answer = fetcher.fetch(f"{base}/v1/messages/count_tokens", given, body)
    if answer.status == 413:
        text = "a request of 2 MB is refused with status 413"
        means = "long conversations and images fail"
        yield problem("front", text, means, f"raise client_max_body_size to 64m; {_EXAMPLE}")
    elif answer.status == 200:
        yield ok("front", "a request of 2 MB gets through")
    elif answer.status not in (401, 403):  # that is said of the stream
        text = f"a request of 2 MB is answered with status {answer.status}"
        means = "long conversations and images may fail"
        yield warning("front", text, means, f"look into the proxy's log; {_EXAMPLE}")
