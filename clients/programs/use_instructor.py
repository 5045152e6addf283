"""instructor: typed answers through a forced tool call, whole and as a stream of partial values."""

import instructor
from anthropic import Anthropic
from openai import OpenAI
from pydantic import BaseModel
from task import API, KEY, MODEL, TASK, URL


class Sum(BaseModel):
    """An equation."""

    left: str
    result: int


clients = {
    "messages": lambda: instructor.from_anthropic(Anthropic(base_url=URL, api_key=KEY)),
    "chat": lambda: instructor.from_openai(OpenAI(base_url=f"{URL}/v1", api_key=KEY)),
}
client = clients[API]()


def ask(tool: str) -> dict[str, object]:
    """Return a request in which the model calls the tool that instructor makes from the type."""
    prompt = TASK.replace("TOOL", tool)
    return {
        "model": MODEL,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": prompt}],
    }


whole = client.create(response_model=Sum, **ask("Sum"))
*_, streamed = client.create_partial(response_model=Sum, **ask("PartialSum"))
assert whole.model_dump() == streamed.model_dump()
print(whole.left, whole.result)
