"""What is told of several calls of the gateway that make one answer."""

from collections.abc import Sequence
from typing import Any

from app.gateway import GatewayCall


def repairs(calls: Sequence[GatewayCall]) -> tuple[str, ...]:
    """Those of all calls, each once."""
    return tuple(dict.fromkeys(name for call in calls for name in call.repairs))


def ignored(calls: Sequence[GatewayCall]) -> tuple[str, ...]:
    """Those of all calls, each once."""
    return tuple(dict.fromkeys(name for call in calls for name in call.ignored))


def facts(calls: Sequence[GatewayCall]) -> dict[str, Any]:
    """Of the last call, with the first one's first event and the attempts of all."""
    each = [call.facts() for call in calls]
    found, first = each[-1], each[0]
    if len(each) > 1:
        found["attempts"] = sum(of_call["attempts"] for of_call in each)
        if tries := [one for of_call in each for one in of_call.get("tries", ())]:
            found["tries"] = tries
        if "first_event_at" in first:
            found["first_event_at"] = first["first_event_at"]
    return found
