"""Turns: what one item of the input becomes, and how turns become messages."""

from collections.abc import Sequence

from msgspec import Struct

from app.core.conversation import Message, Part, Role, as_one


class Turn(Struct, frozen=True, gc=False):
    """The content of one item. ``joins``: it joins the turn before it, if that has the same role
    and joins too.
    """

    role: Role
    parts: tuple[Part, ...]
    joins: bool = True

    @property
    def message(self) -> Message:
        """The turn as one of the conversation."""
        return Message(self.role, self.parts)


def joined(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The messages of a conversation."""
    runs: list[list[Message]] = []
    before: Turn | None = None
    for turn in turns:
        if before and before.joins and turn.joins and before.role == turn.role:
            runs[-1].append(turn.message)
        else:
            runs.append([turn.message])
        before = turn
    return tuple(map(as_one, runs))
