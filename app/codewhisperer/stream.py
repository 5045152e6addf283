"""An upstream answer as core events, batch by batch as it arrives."""

from collections.abc import Iterator, Mapping, Sequence

from app.core.events import Event

from .client import Answer


def event_batches(answer: Answer, tool_names: Mapping[str, str]) -> Iterator[Sequence[Event]]:
    """The events of each read together, ending with ``Finish``; an empty batch at a tick.

    What was decoded before a failure is given before it is raised, as GatewayError.
    """
    raise NotImplementedError
