"""One file by HTTP, within limits, from a server on loopback that the tests allow by hand."""

from collections.abc import Iterator

import pytest

from app.fetching.download import Budget, FetchError, File, _next, download, resolved
from tests.fetching.server import PNG, Server, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as one:
        yield one


def loopback(host: str, port: int) -> list[str]:
    """Every name is this machine, but for the numeric addresses that are not."""
    if host[0].isdigit() and host != "127.0.0.1":
        return resolved(host, port)
    return ["127.0.0.1"]


def fetch(url: str, most: int = 1_000_000, seconds: float = 20) -> File:
    return download(url, Budget(most), seconds, loopback)


def test_a_file_comes_as_it_is(server: Server) -> None:
    assert fetch(server.url("/a.png")) == File(PNG, "image/png", "a.png")
    path, _, headers = server.asked[-1]
    assert path == "/a.png"
    assert not {"authorization", "cookie"} & {name.lower() for name in headers}


def test_a_path_is_sent_as_http_wants_it(server: Server) -> None:
    with pytest.raises(FetchError, match="status 404"):
        fetch(server.url("/grün und%20rot?a=b c&d=%41#part"))
    assert server.asked[-1][0] == "/gr%C3%BCn%20und%20rot?a=b%20c&d=%41"


def test_redirects_are_followed(server: Server) -> None:
    assert fetch(server.url("/to?/to?/a.png")).content == PNG
    assert fetch(server.url("/to?" + server.url("/a.png", "other.example"))).content == PNG
    assert server.asked[-1][1] == f"other.example:{server.server_port}"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/round", "its server redirects more than 3 times"),
        ("/nowhere", "its server redirects to nowhere"),
        ("/to?file:///etc/passwd", "its URL is not an http or https URL with a host"),
        ("/to?http://a:b@127.0.0.1/", "its URL has a user name or a password"),
        ("/to?http://169.254.169.254/latest/meta-data/", "its host has no public address"),
        ("/missing", "its server answered with the status 404"),
        ("/page.html", "it is a web page"),
        ("/compressed", "its server sends it compressed, unasked"),
        ("/short", "its server broke off"),
    ],
)
def test_what_is_refused(server: Server, path: str, problem: str) -> None:
    with pytest.raises(FetchError, match=problem):
        fetch(server.url(path))


@pytest.mark.parametrize("path", ["/large", "/chunked"])
def test_no_more_is_read_than_is_allowed(server: Server, path: str) -> None:
    with pytest.raises(FetchError, match="have more than 200000 bytes"):
        fetch(server.url(path), most=200_000)
    assert len(fetch(server.url(path), most=300_000).content) == 300_000


def test_files_share_one_budget(server: Server) -> None:
    budget = Budget(400_000)
    download(server.url("/large"), budget, 20, loopback)
    with pytest.raises(FetchError, match="have more than 400000 bytes"):
        download(server.url("/large"), budget, 20, loopback)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://user@example.com/", "user name or a password"),
        ("http://:secret@example.com/", "user name or a password"),
        ("http://", "not an http or https URL"),
        ("http://example.com:99999/", "is not valid"),
        ("http://example.com:0/", "not an http or https URL"),
        ("http://[::1/", "is not valid"),
        ("gopher://example.com/", "not an http or https URL"),
    ],
)
def test_urls_that_are_never_asked(url: str, problem: str) -> None:
    with pytest.raises(FetchError, match=problem) as failure:
        fetch(url)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f.0.0.1", "017700000001",
     "169.254.169.254", "10.1.2.3", "::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
     "64:ff9b::7f00:1", "2002:7f00:1::1", "fe80::1%lo"],
)  # fmt: skip
def test_a_host_that_is_not_public_is_not_asked(host: str) -> None:
    """However its address is written; the system's resolver reads it."""
    with pytest.raises(FetchError, match=r"no public address|cannot be resolved"):
        resolved(host, 80)


def test_one_address_that_is_not_public_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(2, 1, 6, "", (address, 80)) for address in ("8.8.8.8", "127.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *given, **named: entries)
    with pytest.raises(FetchError, match="no public address"):
        resolved("both.example", 80)


def test_the_address_that_was_checked_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name means something else when it is looked up again."""
    names = []

    def changing(host: str, port: int) -> list[str]:
        names.append(host)
        return ["127.0.0.1"] if len(names) == 1 else ["192.0.2.1"]

    url = server.url("/a.png", "rebinding.example")
    assert download(url, Budget(1_000_000), 20, changing).content == PNG
    assert names == ["rebinding.example"]
    assert server.asked[-1][1] == f"rebinding.example:{server.server_port}"


def test_each_hop_is_looked_up_and_checked_again(server: Server) -> None:
    names = []

    def known(host: str, port: int) -> list[str]:
        names.append(host)
        if host == "second.example":
            raise FetchError("its host has no public address")
        return ["127.0.0.1"]

    url = server.url("/to?" + server.url("/a.png", "second.example"), "first.example")
    with pytest.raises(FetchError, match="no public address"):
        download(url, Budget(1_000_000), 20, known)
    assert names == ["first.example", "second.example"]


def test_a_proxy_of_the_environment_is_not_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(server.url("/a.png")).content == PNG


def test_the_second_address_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["127.0.0.2", "127.0.0.1"]  # the server listens on the second alone
    url = server.url("/a.png", "two.example")
    assert download(url, Budget(1_000_000), 20, lambda host, port: both).content == PNG


def test_https_never_leads_to_http() -> None:

    with pytest.raises(FetchError, match="from https to something else"):
        _next("https://example.com/a", "http://example.com/a")
    assert _next("HTTPS://example.com/a", "/b") == "https://example.com/b"
