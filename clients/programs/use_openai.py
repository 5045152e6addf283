"""The official Python SDK for OpenAI, on both APIs."""

import json

from openai import OpenAI
from task import API, KEY, MODEL, SCHEMA, TASK, TOOLS, URL

client = OpenAI(base_url=f"{URL}/v1", api_key=KEY)
functions = [
    {"name": name, "description": tool.__doc__, "parameters": SCHEMA}
    for name, tool in TOOLS.items()
]


def chat() -> str:
    """The loop on Chat Completions."""
    tools = [{"type": "function", "function": function} for function in functions]
    messages = [{"role": "user", "content": TASK}]
    while True:
        with client.chat.completions.stream(
            model=MODEL, messages=messages, tools=tools, stream_options={"include_usage": True}
        ) as stream:
            completion = stream.get_final_completion()
        assert completion.usage.total_tokens > 0
        [choice] = completion.choices
        if choice.finish_reason != "tool_calls":
            return choice.message.content
        messages.append(choice.message.model_dump(exclude_none=True))
        for call in choice.message.tool_calls:
            result = TOOLS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})


def responses() -> str:
    """The loop on Responses. The gateway stores no history, so each request contains all of it."""
    tools = [{"type": "function", "strict": False, **function} for function in functions]
    items = [{"role": "user", "content": TASK}]
    while True:
        with client.responses.stream(model=MODEL, input=items, tools=tools, store=False) as stream:
            response = stream.get_final_response()
        assert response.usage.total_tokens > 0
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text
        items += [item.model_dump(exclude_none=True) for item in response.output]
        for call in calls:
            result = str(TOOLS[call.name](**json.loads(call.arguments)))
            items.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": result}
            )


print({"chat": chat, "responses": responses}[API]())
