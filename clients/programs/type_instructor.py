"""instructor: typed answers by a forced tool and, with OpenAI's API, by its own JSON, whole and as
a stream of partial values. The model answers in prose first, and instructor may not ask again.
"""

import instructor
from anthropic import Anthropic
from openai import OpenAI
from pydantic import BaseModel
from task import API, KEY, MODEL, TASK, URL


class Sum(BaseModel):
    """An equation."""

    left: str
    result: int


REQUEST = {
    "model": MODEL,
    "max_tokens": 1000,
    "max_retries": 0,
    "messages": [{"role": "user", "content": TASK}],
}
if API == "messages":
    clients = [instructor.from_anthropic(Anthropic(base_url=URL, api_key=KEY))]
else:
    openai = OpenAI(base_url=f"{URL}/v1", api_key=KEY)
    modes = (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA)
    clients = [instructor.from_openai(openai, mode=mode) for mode in modes]
for client in clients:
    whole = client.create(response_model=Sum, **REQUEST)
    *_, streamed = client.create_partial(response_model=Sum, **REQUEST)
    for answer in (whole, streamed):
        print(answer.left, answer.result, end="; ")
