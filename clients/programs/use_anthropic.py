"""The official Python SDK for Anthropic."""

from anthropic import Anthropic
from task import KEY, MODEL, SCHEMA, TASK, TOOLS, URL

client = Anthropic(base_url=URL, api_key=KEY)
tools = [
    {"name": name, "description": tool.__doc__, "input_schema": SCHEMA}
    for name, tool in TOOLS.items()
]
messages = [{"role": "user", "content": TASK}]
while True:
    with client.messages.stream(
        model=MODEL, max_tokens=1000, messages=messages, tools=tools
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    if message.stop_reason != "tool_use":
        break
    results = [
        {
            "type": "tool_result",
            "tool_use_id": block.id,
            "content": str(TOOLS[block.name](**block.input)),
        }
        for block in message.content
        if block.type == "tool_use"
    ]
    messages += [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
assert message.usage.input_tokens > 0
assert message.usage.output_tokens > 0
print(text)
