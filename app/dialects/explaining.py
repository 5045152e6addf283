"""The operation of every dialect that explains a request, for ``/openapi.json``."""

from typing import Any

from app.common.openapi import JSON, Operation
from app.core.explanation import Change, ChosenModel, Explanation, LimitInForce, Repair
from app.core.repairs import meaning

EXAMPLE = Explanation(
    model=ChosenModel(
        asked="claude-sonnet-5-5",
        id="claude-sonnet-5-5",
        upstream_id="claude-sonnet-5.5",
        why="The name is one of this model's.",
        context_window=200_000,
        effort=None,
        thinking=None,
    ),
    account="social-4f1b9c2d",
    host="runtime.us-east-1.kiro.dev",
    input_tokens=19,
    limits=[
        LimitInForce(
            name="max_tokens",
            value=1024,
            by="gateway",
            how="The answer ends before it has more than 3584 bytes of UTF-8.",
        )
    ],
    repairs=[
        Repair(
            name="fill-empty-turn",
            what=meaning("fill-empty-turn"),
            changes=[Change(at="messages[0].parts[0].text", was="", now="…")],
            more=0,
        )
    ],
    ignored=["temperature"],
    request={"conversationState": {}, "profileArn": "(removed)"},
)


def operation(name: str, path: str, request: type, example: dict[str, Any]) -> Operation:
    """The operation under ``path`` that explains the ``request`` whose operation's id is that of
    ``name``.
    """
    return Operation(
        id=f"explain{name}",
        method="post",
        path=f"{path}/explain",
        summary="What would be done with a request.",
        description=(
            f"Takes the body of `{path}` and answers what the gateway would send to the upstream"
            " for it (without tokens and ARNs), which model was chosen and why, what is rewritten,"
            " what has no effect, and how each limit is enforced. Nothing is sent and nothing is"
            " paid. The limits of the key apply, and errors are those of the request itself. The"
            " account and the host are told to the owner's key alone."
        ),
        request=request,
        example=example,
        answers={JSON: (Explanation, EXAMPLE)},
    )
