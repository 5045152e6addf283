"""The WSGI environment of a request: what gunicorn makes, without what nothing here reads.

gunicorn makes each anew, with functions and objects for features that are not used here (early
hints, sending files, a path below which the application is mounted), for a third of what parsing
the head costs.
"""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from app.common.sockets import send_all

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

UNPREFIXED = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}
"""Header fields that have a variable without ``HTTP_`` (PEP 3333)."""


def maker(listener: Any) -> Callable[[Any, Any, Any], dict[str, Any]]:
    """Makes the environments of requests that arrive at a listener, whose name is that of its
    socket: ``made(request, client, address)`` for gunicorn's request, the socket of its connection
    and the address of its peer, which is no tuple on a unix socket.

    A client that waits for it is told to send its body.
    """
    is_unix = not isinstance(listener, tuple)
    base: dict[str, Any] = {
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "SCRIPT_NAME": "",
        "SERVER_NAME": str(listener) if is_unix else listener[0],
        "SERVER_PORT": "" if is_unix else str(listener[1]),
    }

    def made(request: Any, client: Any, address: Any) -> dict[str, Any]:
        if request._expected_100_continue:
            send_all(client, CONTINUE)
        path, version = request.path, request.version
        environ = base.copy()
        environ["wsgi.input"] = request.body
        environ["wsgi.url_scheme"] = request.scheme
        environ["gunicorn.socket"] = client
        environ["REQUEST_METHOD"] = request.method
        environ["QUERY_STRING"] = request.query
        environ["SERVER_PROTOCOL"] = f"HTTP/{version[0]}.{version[1]}"
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
        environ["REMOTE_ADDR"] = address[0] if isinstance(address, tuple) else ""
        if request.proxy_protocol_info:
            environ["REMOTE_ADDR"] = request.proxy_protocol_info["client_addr"]
        _add_headers(environ, request.headers)
        if is_unix and (host := environ.get("HTTP_HOST")):
            name, _, port = host.partition(":")
            environ["SERVER_NAME"] = name
            environ["SERVER_PORT"] = port or ("443" if request.scheme == "https" else "80")
        return environ

    return made


def _add_headers(environ: dict[str, Any], headers: list[tuple[str, str]]) -> None:
    """Repeated fields are joined once, at the end: joining them one by one would copy the growing
    value each time. gunicorn has refused those of which there may be only one.
    """
    repeated: dict[str, list[str]] = {}
    for name, value in headers:
        key = UNPREFIXED.get(name) or "HTTP_" + name.replace("-", "_")
        if key in environ:
            repeated.setdefault(key, [environ[key]]).append(value)
        else:
            environ[key] = value
    for key, values in repeated.items():
        environ[key] = ",".join(values)
