"""URLs to origins and request targets."""

import pytest

from app.upstream_http.route import Route, find_destination


@pytest.mark.parametrize(
    ("url", "route", "target", "authority"),
    [
        ("https://a.test/b?c=d", Route("https", "a.test", 443), "/b?c=d", "a.test"),
        ("http://a.test:8080/", Route("http", "a.test", 8080), "/", "a.test:8080"),
        ("http://me:pw@a.test", Route("http", "a.test", 80), "/", "a.test"),
        ("http://a.test?x", Route("http", "a.test", 80), "/?x", "a.test"),
        ("http://[::1]:1/x#fragment", Route("http", "::1", 1), "/x", "[::1]:1"),
    ],
)
def test_a_direct_request(url: str, route: Route, target: str, authority: str) -> None:
    assert find_destination(url, "") == (route, target, {}, authority)
    by_socks = find_destination(url, "socks5h://proxy:1")
    assert by_socks == (route._replace(proxy="socks5h://proxy:1"), target, {}, authority)


def test_an_http_proxy_forwards_plain_urls_and_tunnels_others() -> None:
    proxy = "https://me:pw@proxy:1"
    forwarded = find_destination("http://a.test/b?c#d", proxy)
    assert forwarded.target == "http://a.test/b?c"
    assert forwarded.proxy_headers == {"Proxy-Authorization": "Basic bWU6cHc="}
    tunnelled = find_destination("https://a.test/b", proxy)
    assert (tunnelled.target, tunnelled.proxy_headers) == ("/b", {})


@pytest.mark.parametrize("url", ["ftp://a.test/", "a.test/x", "http:///x", "http://a.test:99999/"])
def test_an_invalid_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        find_destination(url, "")
