"""The application with a fault of its own: a call to the upstream with ``get.stuck`` in its prompt
blocks the worker, as a bug might. It is ended as such a worker is, by SIGABRT of the watchdog."""

from typing import Any

from gevent.monkey import get_original

from app.codewhisperer.upstream import CodeWhispererCall
from app.wsgi import app

__all__ = ["app"]

_send: Any = CodeWhispererCall.send


def _stuck(self: Any, *arguments: Any) -> None:
    if "get.stuck" in str(self._conversation.messages):
        get_original("time", "sleep")(60)
    _send(self, *arguments)


CodeWhispererCall.send = _stuck  # type: ignore[assignment,method-assign]
