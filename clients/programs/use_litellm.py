"""LiteLLM as a library, which translates one interface into both APIs."""

import json

import litellm
from task import API, KEY, MODEL, SCHEMA, TASK, TOOLS, URL

targets = {
    "messages": {"model": f"anthropic/{MODEL}", "api_base": URL},
    "chat": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
}
tools = [
    {
        "type": "function",
        "function": {"name": name, "description": tool.__doc__, "parameters": SCHEMA},
    }
    for name, tool in TOOLS.items()
]
messages = [{"role": "user", "content": TASK}]
while True:
    chunks = list(
        litellm.completion(**targets[API], api_key=KEY, messages=messages, tools=tools, stream=True)
    )
    message = litellm.stream_chunk_builder(chunks, messages=messages).choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    if not message.tool_calls:
        break
    for call in message.tool_calls:
        result = TOOLS[call.function.name](**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})
print(message.content)
