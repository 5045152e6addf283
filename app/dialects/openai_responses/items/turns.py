"""Turns: what one item of the input becomes, and how turns become messages."""

from collections.abc import Sequence

from msgspec import Struct

from app.core.conversation import Message, Part, Role


class Turn(Struct, frozen=True, gc=False):
    """The content of one item. ``joins``: it joins the turn before it, if that has the same role
    and joins too.
    """

    role: Role
    parts: tuple[Part, ...]
    joins: bool = True


def joined(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The messages of a conversation."""
    runs: list[list[Turn]] = []
    role, joins = "", False
    for turn in turns:
        if joins and turn.joins and turn.role == role:
            runs[-1].append(turn)
        else:
            runs.append([turn])
        role, joins = turn.role, turn.joins
    return tuple(map(_message, runs))


def _message(run: Sequence[Turn]) -> Message:
    first = run[0]
    if len(run) == 1:
        return Message(first.role, first.parts)
    return Message(first.role, tuple(part for turn in run for part in turn.parts))
