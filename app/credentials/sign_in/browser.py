"""Signing in with Google or GitHub: the authorization code flow (RFC 6749) with PKCE (RFC 7636).

The user signs in on Kiro's page, which sends the browser back to a port of this machine; the page
knows a fixed list of ports. On the page the user may choose another kind of login than asked for:
the answer says which. Source: the client of kiro-cli of 2026, and published measurements: the
redirect address must be exactly the one that was called, and a wrong one spends the code.
"""

import base64
import hashlib
import hmac
import queue
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from app.aws.regions import DEFAULT_REGION, is_region
from app.common.errors import GatewayError, Kind
from app.common.program import command
from app.credentials.model import Grant
from app.credentials.refresh.client import ServiceClient
from app.credentials.refresh.refresher import grant_from

from .device import BUILDER_ID

PAGE = "https://app.kiro.dev/signin"
PORTS = (3128, 4649, 6588, 8008, 9091, 49153, 50153, 51153, 52153, 53153)
"""The ports that the page may send a browser to."""
TIME_LIMIT = 600.0
"""Seconds that the page allows for signing in."""
PROVIDERS = {"google": "Google", "github": "Github"}
"""The kinds of login that this flow completes, by ``login_option``, as token files name them."""

_PATHS = ("/oauth/callback", "/signin/callback", "/")
_CONNECTION_TIMEOUT = 10.0  # a browser opens connections in advance and may never use them
_ERRORS = {
    "access_denied", "invalid_request", "invalid_scope", "server_error",
    "temporarily_unavailable", "unauthorized_client", "unsupported_response_type",
}  # fmt: skip
"""Of RFC 6749 section 4.1.2.1; the only ones that are quoted, since any page could send others."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What the page sent the browser back with. ``redirect_uri`` is the address that it called,
    which the service wants to hear again. ``issuer_url`` and ``region`` are set for IAM Identity
    Center.
    """

    login_option: str
    redirect_uri: str
    code: str = field(default="", repr=False)
    issuer_url: str = ""
    region: str = ""


class BrowserFlow:
    """One sign-in, listening while it is open. ``base_url`` is that of Kiro's sign-in service.

    Raises GatewayError if none of the ports is free.
    """

    def __init__(
        self,
        client: ServiceClient,
        base_url: str,
        *,
        ports: Sequence[int] = PORTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._base_url = base_url
        self._clock = clock
        self._state = secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(48)
        self._found: queue.Queue[Callback | GatewayError] = queue.Queue()
        self._server = _listen(ports, self._answer, self._found.put)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def page(self) -> str:
        """The page to open in a browser."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        query = {
            "state": self._state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "redirect_uri": f"http://localhost:{self.port}",
            "redirect_from": "kirocli",  # a client that the page sends back to this machine
        }
        return f"{PAGE}?{urlencode(query)}"

    def wait(self, seconds: float = TIME_LIMIT) -> Callback:
        """Wait until the browser comes back. LOGIN_OVER if it does not, or brings an error."""
        try:
            found = self._found.get(timeout=seconds)
        except queue.Empty:
            raise GatewayError(
                Kind.LOGIN_OVER, "Nobody signed in on the page in time. Run the login again."
            ) from None
        if isinstance(found, GatewayError):
            raise found
        return found

    def exchange(self, callback: Callback) -> Grant:
        """The tokens for the code. Asked for once: the service accepts a code only once."""
        response = self._client.post(
            f"{self._base_url}/oauth/token",
            json={
                "code": callback.code,
                "code_verifier": self._verifier,
                "redirect_uri": callback.redirect_uri,
            },
        )
        if response.status != 200:
            raise GatewayError(
                Kind.UPSTREAM_ERROR,
                f"The sign-in service refused the code with status {response.status}. Run the login"
                " again; if it is refused again, log in with the Kiro IDE or kiro-cli.",
            )
        return grant_from(response, Grant(), self._clock())

    def _answer(self, target: str) -> "_Reply":
        """The reply to a GET of the browser, and what it brings, which ends the waiting."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path not in _PATHS or not query.keys() & {"state", "error"}:
            return _Reply(404, "There is nothing here.")
        error = query.get("error")
        if not self._is_ours(query.get("state", "")) and not (error and "state" not in query):
            return _Reply(400, "This answer belongs to another login. Open the page again.")
        if error:
            told = error if error in _ERRORS else "an unknown error"
            failure = GatewayError(Kind.LOGIN_OVER, f"The page reported {told}.")
            return _Reply(200, "The login failed. You can close this window.", failure)
        callback = _callback(parts.path, query, self.port)
        if callback.login_option in PROVIDERS and not callback.code:
            return _Reply(400, "The page sent no code. Open the page again.")
        return _Reply(200, "Go back to the terminal. You can close this window.", callback)

    def _is_ours(self, state: str) -> bool:
        return hmac.compare_digest(state.encode(), self._state.encode())


def device_login(callback: Callback) -> tuple[str, str]:
    """The start URL and region with which the device flow goes on after the user chose AWS on the
    page. Raises GatewayError for a choice that cannot be completed here.
    """
    if callback.login_option == "builderid":
        return BUILDER_ID, DEFAULT_REGION
    is_complete = _is_start_url(callback.issuer_url) and is_region(callback.region)
    if callback.login_option == "awsidc" and is_complete:
        return callback.issuer_url, callback.region
    if callback.login_option == "awsidc":
        why = "The page named no start URL or no region of IAM Identity Center. Run"
        how = f"`{command()} login --start-url URL --region REGION` with those of your organisation"
    else:
        why = "On the page you chose a login that this command cannot complete. Use"
        how = "the Kiro IDE or kiro-cli for it: the gateway uses their login"
    raise GatewayError(Kind.LOGIN_OVER, f"{why} {how}.")


def _is_start_url(url: str) -> bool:
    return re.fullmatch(r"https://[!-~]+", url) is not None


class _Reply(NamedTuple):
    status: int
    text: str
    found: Callback | GatewayError | None = None


def _callback(path: str, query: Mapping[str, str], port: int) -> Callback:
    option = query.get("login_option", "")
    return Callback(
        login_option=option,
        redirect_uri=f"http://localhost:{port}{path}?{urlencode({'login_option': option})}",
        code=query.get("code", ""),
        issuer_url=query.get("issuer_url", ""),
        region=query.get("idc_region", ""),
    )


def _listen(
    ports: Sequence[int],
    answer: Callable[[str], _Reply],
    found: Callable[[Callback | GatewayError], None],
) -> ThreadingHTTPServer:
    for port in ports:
        try:
            return _Server(("127.0.0.1", port), _handler(answer, found))
        except OSError:
            continue
    listed = ", ".join(map(str, ports))
    raise GatewayError(
        Kind.CONNECTION,
        f"None of the ports that Kiro's page sends a browser to is free ({listed}). Stop the"
        " program that uses one of them, and run the login again.",
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: browsers close connections as they like, and a traceback may hold the code."""


def _handler(
    answer: Callable[[str], _Reply], found: Callable[[Callback | GatewayError], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _CONNECTION_TIMEOUT

        def do_GET(self) -> None:
            reply = answer(self.path)
            try:
                self._send(reply)
            finally:
                if reply.found:  # the process may end as soon as it knows
                    found(reply.found)

        def _send(self, reply: _Reply) -> None:
            content = f"kiro2api: {reply.text}\n".encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Silent: the address holds the code."""

    return Handler
