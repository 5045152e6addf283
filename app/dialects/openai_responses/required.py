"""What a request must have: it is asked for in the API's own words, and never made up."""

from collections.abc import Mapping
from typing import Any

from app.common.errors import GatewayError, Kind

MISSING = "missing_required_parameter"


def check(body: Mapping[str, Any]) -> None:
    """Raises :class:`GatewayError` for a body that has nothing to answer."""
    if body.get("input") not in (None, "", []):
        return
    if "messages" in body:
        raise _refusal(
            "messages",
            "unsupported_parameter",
            "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to"
            " 'input'. Send it so, or POST the body to /v1/chat/completions.",
        )
    if "input" not in body:
        raise _refusal("input", MISSING, "Missing required parameter: 'input'.")
    if body["input"] is None:
        raise _refusal(
            "input",
            "invalid_type",
            "Invalid type for 'input': expected a string or an array of objects, but got null"
            " instead.",
        )
    raise _refusal(
        "",
        MISSING,
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be"
        " provided.",
    )


def nothing_to_answer() -> GatewayError:
    """The refusal of an input in which no item tells the model anything."""
    return _refusal("input", MISSING, "No item of 'input' has anything for the model to answer.")


def _refusal(field: str, code: str, message: str) -> GatewayError:
    return GatewayError(Kind.INVALID_REQUEST, message, field=field, code=code)
