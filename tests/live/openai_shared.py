"""What the live tests of the two OpenAI dialects have in common."""

from typing import Any

import openai
import pytest

from app.simulator import Simulator
from app.simulator.answers.script import CHAT

MODEL = "claude-sonnet-4-6"
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)

refusals = pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("too_long", openai.BadRequestError, "context_length_exceeded"),
        ("improperly_formed", openai.BadRequestError, None),
        ("invalid_model", openai.NotFoundError, "model_not_found"),
    ],
)
"""What the upstream refuses a request for, and what the SDK then raises."""


def chats(upstream: Simulator) -> list[Any]:
    """The conversations that the upstream was sent; none of them may have broken its rules."""
    seen = [request for request in upstream.requests if request.operation == CHAT]
    assert [violation for request in seen for violation in request.violations] == []
    return seen


def state(upstream: Simulator) -> dict[str, Any]:
    """The conversation that the upstream was sent last."""
    found: dict[str, Any] = chats(upstream)[-1].body["conversationState"]
    return found


def asked(upstream: Simulator) -> dict[str, Any]:
    """The user's turn in it that is to be answered."""
    found: dict[str, Any] = state(upstream)["currentMessage"]["userInputMessage"]
    return found
