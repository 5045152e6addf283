"""Failures that the standard library and requests have no exact name for."""

import requests


class RemoteProtocolError(Exception):
    """The peer sent bytes that are not valid HTTP/1.1, or ended in the middle of a head."""


class NameNotResolved(requests.ConnectionError):
    """The host name of the URL has no address."""


class ConnectFailed(requests.ConnectionError):
    """No connection to the host of the URL: refused, no route, or a SOCKS proxy that fails."""
