"""What both OpenAI dialects share."""

import json
from typing import Any

from app.dialects import openai
from app.errors import POLICY, Kind
from tests.chaos.received import Failure, Heard, check
from tests.live.servers import KEY


class OpenAI:
    """What both OpenAI dialects share."""

    opening_pings = 0

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    def read_error(self, data: bytes, heard: Heard) -> None:
        take_error(json.loads(data), heard, heard.status)

    def failure(self, kind: Kind, *, begun: bool = False) -> Failure:
        status = POLICY[kind].status
        type, code = openai.ERRORS[kind]
        return Failure(0 if begun else openai.STATUSES.get(status, status), type, code)


def take_error(data: dict[str, Any], heard: Heard, status: int) -> None:
    error = data["error"]
    check(error.keys() == {"message", "type", "param", "code"}, data)
    heard.failure = Failure(status, error["type"], error["code"])
    heard.message = error["message"]
