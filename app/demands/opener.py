"""Opens conversations, and watches the answers of those that demand something of them."""

from collections.abc import Callable
from typing import Any

from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation
from app.core.demands.json_schema import checker
from app.core.demands.plan import check_schemas, plan
from app.core.typed_json import FieldError
from app.gateway import Open

from .call import Times, WatchedCall


def opener(
    open_call: Open, times: Times, apart: Callable[..., Any]
) -> Callable[[Conversation, Any], Any]:
    """Opens conversations with ``open_call``, and those that demand something of their answers as
    calls that are watched. ``apart(call, ...)`` calls what may compute for long.

    Opening raises GatewayError for a JSON Schema that is not valid.
    """

    def opened(conversation: Conversation, tap: Any) -> Any:
        demanded = plan(conversation)
        if demanded is None:
            return open_call(conversation, tap)
        unchecked = _read_schemas(conversation, apart) if demanded.schemas else ()
        return WatchedCall(open_call, demanded, tap, times, apart, unchecked)

    return opened


def _read_schemas(conversation: Conversation, apart: Callable[..., Any]) -> tuple[str, ...]:
    """Read the schemas of a conversation; the keywords in them that have no effect."""
    unchecked: dict[str, None] = {}

    def read(schema: dict[str, Any]) -> None:
        unchecked.update(dict.fromkeys(checker(schema).unchecked))

    try:
        apart(check_schemas, conversation, read)
    except FieldError as error:
        place = ".".join(map(str, error.path))
        problem = f"{place}: {error.problem}"
        raise GatewayError(Kind.INVALID_REQUEST, problem, field=place) from None
    return tuple(unchecked)
