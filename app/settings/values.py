"""The types of values that settings can have: the allowed text, and how it is parsed.

A :class:`Value` parses the text of one environment variable. ``parse`` raises ``ValueError`` for a
text that is not allowed; the user is then shown ``allowed``, which is built from the same bounds.
Pure, except that :func:`appendable_file` looks at the file system.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from app.aws.api_keys import AN_API_KEY, is_api_key
from app.aws.regions import A_REGION, is_region
from app.models import names

Number = TypeVar("Number", int, float)

LONGEST_KEY = 4096


class Value(NamedTuple):
    """``allowed`` completes the sentence "allowed: ..." and names the unit, if any. ``unset`` is
    the value of a setting that has no default and was not set.
    """

    parse: Callable[[str], Any]
    allowed: str
    unset: Any = None


def text(allowed: str = "any text") -> Value:
    return Value(str, allowed)


def client_key() -> Value:
    """A key as it can arrive in a header: servers and clients strip spaces around a value, refuse
    control characters and do not agree on an encoding; gunicorn takes 8190 bytes of a header.
    """

    def parse(raw: str) -> str:
        if len(raw) > LONGEST_KEY or not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", raw):
            raise ValueError(raw)
        return raw

    return Value(
        parse,
        f"1 to {LONGEST_KEY} printable ASCII characters without a space at either end; others never"
        " match the header of a client",
    )


def api_key() -> Value:
    """A key of the upstream, which is easily confused with the key that clients send."""

    def parse(raw: str) -> str:
        if not is_api_key(raw):
            raise ValueError(raw)
        return raw

    return Value(parse, f"{AN_API_KEY}; the key that your clients send is KIRO_CLIENT_TOKEN")


def integer(low: int, high: int, unit: str = "") -> Value:
    def parse(raw: str) -> int:
        # int() alone would accept "1_000" and digits of other scripts
        number = int(raw) if raw.isascii() and raw.isdigit() else -1
        return _within(number, low, high)

    of_unit = f" of {unit}" if unit else ""
    return Value(parse, f"a whole number{of_unit} from {low} to {high}")


def seconds(low: float, high: float) -> Value:
    def parse(raw: str) -> float:
        return _seconds(raw, low, high)

    return Value(parse, f"a number of seconds from {low:g} to {high:g}")


def seconds_or_off(low: float, high: float) -> Value:
    def parse(raw: str) -> float | None:
        return None if raw.lower() == "off" else _seconds(raw, low, high)

    return Value(parse, f"off, or a number of seconds from {low:g} to {high:g}")


def flag() -> Value:
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    return Value(lambda raw: _chosen(raw, words), "true or false")


def choice(*names: str, aliases: Mapping[str, str] | None = None) -> Value:
    words = {name: name for name in names} | dict(aliases or {})
    return Value(lambda raw: _chosen(raw, words), one_of(names))


def path(kind: str) -> Value:
    return Value(lambda raw: Path(os.path.expanduser(raw)), f"the path of a {kind}")


def appendable_file() -> Value:
    def parse(raw: str) -> Path:
        file = Path(os.path.expanduser(raw))
        target = file if file.exists() else file.parent
        if file.is_dir() or not target.exists() or not os.access(target, os.W_OK):
            raise ValueError(raw)
        return file

    return Value(parse, "the path of a file that can be written, in a directory that exists")


def base_url() -> Value:
    return Value(lambda raw: _url(raw, {"http", "https"}), "an http or https URL")


def receiver_url() -> Value:
    """A URL that may have a query, as those of web hooks do."""

    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        _url(parts._replace(query="").geturl(), {"http", "https"})
        return raw

    return Value(parse, "an http or https URL")


def base_url_or(*names: str) -> Value:
    url = base_url()

    def parse(raw: str) -> str:
        return raw.lower() if raw.lower() in names else url.parse(raw)

    return Value(parse, f"{one_of(names)}, or {url.allowed}")


def proxy_url() -> Value:
    schemes = ("http", "https", "socks5", "socks5h")

    def parse(raw: str) -> str:
        return _url(raw, set(schemes), user=True)

    return Value(parse, f"a URL scheme://[user:password@]host:port, scheme {one_of(schemes)}")


def redis_url() -> Value:
    schemes = ("redis", "rediss", "unix")

    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if (
            parts.scheme not in schemes
            or not (parts.hostname or parts.path)
            or not _has_valid_port(parts)
        ):
            raise ValueError(raw)
        return raw

    return Value(parse, "a URL such as redis://[user:password@]host:6379/0, rediss:// for TLS")


def fernet_key() -> Value:
    def parse(raw: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", raw):
            raise ValueError(raw)
        return raw

    return Value(parse, "32 random bytes as URL-safe base64, 44 characters")


def pairs() -> Value:
    """name=value pairs, whose values may be percent-encoded."""

    def parse(raw: str) -> str:
        for item in _list(raw):
            name, equals, value = item.partition("=")
            if not equals or not re.fullmatch(r"[!-~]+", name.strip()) or not value.isprintable():
                raise ValueError(raw)
        return raw

    return Value(parse, "name=value pairs, separated by commas")


def address() -> Value:
    """Host and port as ``host:port``, an IPv6 host in brackets."""

    def parse(raw: str) -> str:
        parts = urlsplit(f"//{raw}")
        if not parts.hostname or not parts.port or parts.netloc != raw or "@" in raw:
            raise ValueError(raw)
        return raw

    return Value(parse, "an address and a port, such as 127.0.0.1:9102 or [::1]:9102")


def origins() -> Value:
    def parse(raw: str) -> tuple[str, ...]:
        found = tuple(_list(raw))
        for origin in found:
            if origin != "*" and urlsplit(_url(origin, {"http", "https"})).path:
                raise ValueError(origin)
        return found

    return Value(
        parse, "*, or origins such as https://chat.example.com, separated by commas", unset=()
    )


def peers() -> Value:
    """Networks, and the word unix for the peers of unix sockets."""

    def parse(raw: str) -> tuple[Any, ...]:
        return tuple("unix" if one == "unix" else ipaddress.ip_network(one) for one in _list(raw))

    return Value(
        parse,
        "addresses and networks such as 10.0.0.0/8, and the word unix, separated by commas",
        unset=(),
    )


def model() -> Value:
    def parse(raw: str) -> str:
        names.check(raw)
        return raw

    return Value(parse, f"a model's name, or the service's id of one ({_MODEL_ID})")


def aliases() -> Value:
    def parse(raw: str) -> Mapping[str, str]:
        pairs = [item.partition("=") for item in _list(raw)]
        named = {alias.strip(): target.strip() for alias, _, target in pairs}
        if "" in named:
            raise ValueError(raw)
        for target in named.values():
            names.check(target)
        return MappingProxyType(named)

    allowed = f"alias=model pairs, separated by commas, each model a name or an id ({_MODEL_ID})"
    return Value(parse, allowed, unset=MappingProxyType({}))


_MODEL_ID = "letters, digits, _ : . -"


def region() -> Value:
    def parse(raw: str) -> str:
        if not is_region(raw):
            raise ValueError(raw)
        return raw

    return Value(parse, A_REGION)


def one_of(names: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *head, last = names
    return f"{', '.join(head)} or {last}" if head else last


def _has_valid_port(parts: SplitResult) -> bool:
    """Whether the URL has no port or a valid one. Raises ValueError for a port that is no number
    or too large.
    """
    return parts.port is None or parts.port > 0


def _within(number: Number, low: float, high: float) -> Number:
    if not low <= number <= high:
        raise ValueError(number)
    return number


def _seconds(raw: str, low: float, high: float) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", raw):
        raise ValueError(raw)
    return _within(float(raw), low, high)


def _chosen(raw: str, words: Mapping[str, Any]) -> Any:
    try:
        return words[raw.lower()]
    except KeyError:
        raise ValueError(raw) from None


def _list(raw: str) -> list[str]:
    return [item.strip() for item in raw.split(",") if item.strip()]


def _url(raw: str, schemes: set[str], *, user: bool = False) -> str:
    """The URL without its trailing slash. Raises ValueError for a URL with a query, a fragment or
    (unless ``user``) credentials, since a path will be appended to it.
    """
    parts = urlsplit(raw)
    bare = not (parts.query or parts.fragment or (parts.username is not None and not user))
    if parts.scheme not in schemes or not parts.hostname or not _has_valid_port(parts) or not bare:
        raise ValueError(raw)
    return raw.rstrip("/")
