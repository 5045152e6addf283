"""The variables of the Go original that are not settings here, and what each of them does now.

One row each. The user reads its sentence at start-up and in the documentation.
"""

from __future__ import annotations

from typing import NamedTuple


class Historic(NamedTuple):
    """``now``: what the variable does, and what to set instead. ``sets``: the (variable, text) that
    a true value still sets, if any.
    """

    now: str
    sets: tuple[str, str] | None = None


_TIMEOUT = "ignored; see KIRO_FIRST_EVENT_TIMEOUT, KIRO_IDLE_TIMEOUT and KIRO_TOTAL_TIMEOUT"
_CLIENT_STALL = "ignored; see KIRO_CLIENT_STALL and KIRO_TOTAL_TIMEOUT"

HISTORIC: dict[str, Historic] = {
    "DEBUG": Historic("1 or true acts as LOG_LEVEL=debug; set that", ("LOG_LEVEL", "debug")),
    "GIN_MODE": Historic("ignored; TLS verification is never switched off here"),
    "LOG_COLOR": Historic("ignored; logs have no colours"),
    "LOG_ENABLE_CALLER": Historic("ignored; log lines name their logger"),
    "LOG_CALLER_SKIP": Historic("ignored; log lines name their logger"),
    "LOG_DISABLE_POOL": Historic("ignored; there is no such pool"),
    "DISABLE_STREAM": Historic("ignored; the client chooses with `stream` in its request"),
    "ENABLE_INCREMENTAL_TOOL_EVENTS": Historic("ignored; tool input is always incremental"),
    "SAVE_RAW_DATA": Historic("ignored; `KIRO_RECORD_DIR` keeps exchanges, without their texts"),
    "REQUEST_TIMEOUT_MINUTES": Historic(_TIMEOUT),
    "SIMPLE_REQUEST_TIMEOUT_MINUTES": Historic(_TIMEOUT),
    "STREAM_REQUEST_TIMEOUT_MINUTES": Historic(_TIMEOUT),
    "SERVER_READ_TIMEOUT_MINUTES": Historic(_CLIENT_STALL),
    "SERVER_WRITE_TIMEOUT_MINUTES": Historic(_CLIENT_STALL),
    "TOKEN_SELECTION_STRATEGY": Historic("ignored; accounts are used in the order given"),
}
