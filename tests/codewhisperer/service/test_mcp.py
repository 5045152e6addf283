"""A search of the web in the service's own words.

docs/upstream.md: A search of the web is a call in JSON-RPC
"""

import json
from typing import Any

import pytest

from app.codewhisperer.service import mcp
from app.common.errors import GatewayError, Kind
from app.core.conversation import WebPage

ROW = {
    "title": " T ",
    "url": "https://x.example",
    "snippet": "S",
    "publishedDate": 1_764_000_000_000,
}
PAGE = WebPage("https://x.example", "T", "S", "2025-11-24")


def answer(found: Any, **members: Any) -> bytes:
    text = found if isinstance(found, str) else json.dumps(found)
    result = {"content": [{"type": "text", "text": text}], "isError": False, **members}
    return json.dumps({"id": "1", "jsonrpc": "2.0", "result": result}).encode()


def test_a_request_is_a_call_of_the_tool() -> None:
    called = {
        "id": "7",
        "params": {"arguments": {"query": "rain"}, "name": "web_search"},
        "jsonrpc": "2.0",
        "method": "tools/call",
    }
    assert json.loads(mcp.request("7", "rain", None)) == called
    assert json.loads(mcp.request("7", "rain", "arn")) == called | {"profileArn": "arn"}


@pytest.mark.parametrize(
    ("row", "page"),
    [
        (ROW, PAGE),
        ({"url": "http://x.example"}, WebPage("http://x.example", "http://x.example")),
        (ROW | {"title": None, "snippet": 5}, WebPage(PAGE.url, PAGE.url, "", PAGE.date)),
        *(
            (ROW | {"publishedDate": date}, WebPage(PAGE.url, "T", "S"))
            for date in (None, 0, -5, "soon", True, 1e300, [1])
        ),
        (ROW | {"title": "t" * 999}, WebPage(PAGE.url, "t" * 300, "S", PAGE.date)),
        (ROW | {"snippet": "s" * 9999}, WebPage(PAGE.url, "T", "s" * 4000, PAGE.date)),
    ],
)
def test_pages(row: Any, page: WebPage) -> None:
    assert mcp.pages(answer({"results": [row]})) == [page]


@pytest.mark.parametrize(
    "row",
    [
        5,
        {},
        {"url": None},
        {"url": "javascript:alert(1)"},
        {"url": "https://x.example/\n"},
        {"url": f"https://x.example/{'x' * 3000}"},
    ],
)
def test_what_is_no_page_is_left_out(row: Any) -> None:
    assert mcp.pages(answer({"results": [row, ROW]})) == [PAGE]


def test_no_results_are_an_answer_and_many_are_cut() -> None:
    assert mcp.pages(answer({"results": []})) == []
    assert len(mcp.pages(answer({"results": [ROW] * 50}))) == mcp.MOST_PAGES


FAILED = {"jsonrpc": "2.0", "id": "1", "error": {"code": -32000, "message": "no luck"}}


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"", Kind.CORRUPT, "cannot be read"),
        (b"[" * 100_000, Kind.CORRUPT, "cannot be read"),
        (b"{}", Kind.CORRUPT, "cannot be read"),
        (answer("no JSON"), Kind.CORRUPT, "cannot be read"),
        (answer({}), Kind.CORRUPT, "cannot be read"),
        (answer({"results": None}), Kind.CORRUPT, "cannot be read"),
        (answer({"results": {}}), Kind.CORRUPT, "cannot be read"),
        (answer("no luck", isError=True), Kind.UPSTREAM_ERROR, "no luck"),
        (answer({"results": [ROW], "error": "no luck"}), Kind.UPSTREAM_ERROR, "no luck"),
        (json.dumps(FAILED).encode(), Kind.UPSTREAM_ERROR, "no luck"),
        (
            json.dumps(FAILED | {"error": {"code": -32602, "message": "no luck"}}).encode(),
            Kind.INVALID_REQUEST,
            "no luck",
        ),
    ],
)
def test_failures(body: bytes, kind: Kind, said: str) -> None:
    with pytest.raises(GatewayError) as raised:
        mcp.pages(body)
    assert raised.value.kind is kind
    assert said in raised.value.message
