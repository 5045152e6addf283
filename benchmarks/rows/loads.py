"""What is sent, what answers it, and what a good answer is: the table of loads."""

import json
from dataclasses import dataclass, replace
from functools import cache

from benchmarks import samples
from benchmarks.cases import MB
from benchmarks.dialects import MESSAGES, MODEL, RESPONSES, Dialect
from benchmarks.load import LoadPlan
from benchmarks.rows import answers
from benchmarks.rows.answers import Answer
from tests.live.servers import KEY

AGENT = "claude-code-1"
HELLO = "Say hello in ten words."


@dataclass(frozen=True)
class Load:
    """``unit`` is what the CPU time is told of: a request, or one of its ``events``.

    ``connections`` send ``requests`` each, with a ``pause`` of seconds after each answer, and begin
    evenly over ``ramp`` seconds.
    """

    unit: str
    body: bytes
    answer: Answer
    events: int
    dialect: Dialect = MESSAGES
    connections: int = 1
    requests: int = 1
    ramp: float = 0.0
    whole: bool = False
    pause: float = 0.0

    @property
    def units(self) -> int:
        """How many units one run has."""
        requests = self.connections * self.requests
        return requests if self.unit == "request" else requests * self.events

    def plan(self, port: int) -> LoadPlan:
        """Return what the load generator does."""
        text_mark, end_mark, events = self.dialect.text_mark, self.dialect.end_mark, self.events
        if self.whole:
            mark = samples.PIECES[-2]
            text_mark, events = mark.encode(), samples.deltas(self.events).count(mark)
            end_mark = b'"stop_reason":"end_turn"'
        return LoadPlan(
            port,
            self.dialect.path,
            {"x-api-key": KEY},
            self.body,
            text_mark,
            end_mark,
            events,
            self.connections,
            self.requests,
            self.ramp,
            stamped=bool(self.answer.steps[0].stamp),
            pause=self.pause,
        )


def hello(*, stream: bool = True) -> bytes:
    """Return a short request."""
    body = {"model": MODEL, "max_tokens": 64_000, "stream": stream}
    return json.dumps({**body, "messages": [{"role": "user", "content": HELLO}]}).encode()


@cache
def agent() -> bytes:
    """Return a captured turn of an agent, 49 KB with twelve tools."""
    [found] = [each for each in samples.captured(MESSAGES) if each.name == AGENT]
    return found.body


def as_responses(body: bytes) -> bytes:
    """Return what the Messages request says as a request of the Responses API."""
    asked = json.loads(body)
    items = [item for message in asked["messages"] for item in _items(message)]
    tools = [
        {
            "type": "function",
            "name": tool["name"],
            "description": tool["description"],
            "parameters": tool["input_schema"],
        }
        for tool in asked.get("tools", ())
    ]
    offered = {"tools": tools} if tools else {}
    said = {"model": asked["model"], "stream": True, "store": False, "input": items}
    return json.dumps({**said, **offered}).encode()


def _items(message: dict[str, object]) -> list[dict[str, object]]:
    content, role = message["content"], message["role"]
    if isinstance(content, str):
        kind = "input_text" if role == "user" else "output_text"
        return [{"type": "message", "role": role, "content": [{"type": kind, "text": content}]}]
    assert isinstance(content, list)
    return [_item(block) for block in content]


def _item(block: dict[str, object]) -> dict[str, object]:
    if block["type"] == "tool_use":
        return {
            "type": "function_call",
            "call_id": block["id"],
            "name": block["name"],
            "arguments": json.dumps(block["input"]),
        }
    return {
        "type": "function_call_output",
        "call_id": block["tool_use_id"],
        "output": block["content"],
    }


def slow(streams: int, events: int = 30, gap: float = 0.1) -> Load:
    """Return slow streams, all of which are opened within a second."""
    answer = answers.paced(events, gap)
    return Load("event", hello(), answer, events, connections=streams, ramp=1.0)


SHORT = Load("request", hello(), answers.at_once(10, 8), 10, requests=300)
CROWD = replace(SHORT, connections=16, requests=40)
FIREHOSE = Load("event", hello(), answers.at_once(2000, 8), 2000, connections=8, requests=6)
TORN_FIREHOSE = replace(FIREHOSE, answer=answers.at_once(2000, 1))
SLOW, MANY_SLOW = slow(200), slow(1000)
LONG = Load("request", samples.text_request(MB), answers.at_once(10, 8), 10, requests=20)
WHOLE = Load(
    "request", hello(stream=False), answers.at_once(500, 8), 500, requests=60, whole=True
)  # fmt: skip
TURN = Load("request", agent(), answers.at_once(60, 4, "Read"), 60, requests=100)
SHORT_RESPONSES = replace(SHORT, body=as_responses(SHORT.body), dialect=RESPONSES)
LONG_RESPONSES = replace(LONG, body=as_responses(LONG.body), dialect=RESPONSES)
PROBES = slow(40, events=200, gap=0.02)
"""Streams whose lag is measured while something else is done."""
LARGE_REQUESTS = replace(PROBES, body=samples.text_request(4 * MB), connections=5, ramp=3.0)
