"""Code shared by the clients of both OpenAI dialects."""

import json
from typing import Any

from app.common.errors import POLICY, Kind
from app.dialects import openai
from tests.chaos.received import ReceivedAnswer, ReceivedFailure, check
from tests.live.servers import KEY

SAME_STOPS = {
    "stop_sequence": "end_turn",
    "pause_turn": "end_turn",
    "context_window": "max_tokens",
}
"""Stop reasons that the API does not tell from others."""


class OpenAIClient:
    """Base of the clients of both OpenAI dialects."""

    opening_pings = 0

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    def read_error(self, data: bytes, answer: ReceivedAnswer) -> None:
        read_error_body(json.loads(data), answer, answer.status)

    def failure(self, kind: Kind, *, begun: bool = False) -> ReceivedFailure:
        status = POLICY[kind].status
        type, code = openai.ERRORS[kind]
        return ReceivedFailure(0 if begun else openai.STATUSES.get(status, status), type, code)


def read_error_body(data: dict[str, Any], answer: ReceivedAnswer, status: int) -> None:
    error = data["error"]
    check(error.keys() == {"message", "type", "param", "code"}, data)
    answer.failure = ReceivedFailure(status, error["type"], error["code"])
    answer.message = error["message"]
