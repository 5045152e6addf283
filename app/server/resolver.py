"""Host names, looked up once for many connections.

A thousand streams that begin together open a thousand connections to one host. The system does not
cache answers, so each connection would wait for a thread that asks the name server again.
"""

from time import monotonic
from typing import Any

import gevent
from gevent import Greenlet
from gevent.resolver.thread import Resolver

KEPT = 10.0
"""Seconds for which an answer is used; short, since the addresses of cloud hosts change. Failures
are not kept."""

MOST = 256
"""Answers kept."""


class SharedResolver(Resolver):
    """gevent's threaded resolver, with answers kept for a moment. A name that is being looked up is
    not looked up again: later callers wait for the same answer."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[Any, tuple[float, Greenlet[..., Any]]] = {}

    def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        """As ``socket.getaddrinfo``."""
        question = (args, tuple(sorted(kwargs.items())))
        until, lookup = self._kept.get(question, (0.0, None))
        if lookup is None or monotonic() >= until:
            lookup = self._ask(question, args, kwargs)
        try:
            return lookup.get()
        finally:
            if lookup.ready() and not lookup.successful():
                self._kept.pop(question, None)

    def _ask(self, question: Any, args: Any, kwargs: Any) -> "Greenlet[..., Any]":
        """In a greenlet of its own, since the first caller may be ended before the others."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        lookup = gevent.spawn(super().getaddrinfo, *args, **kwargs)
        self._kept[question] = (monotonic() + KEPT, lookup)
        return lookup
