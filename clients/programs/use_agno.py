"""Agno, with its agent on all three APIs. On Responses it prints what it sends."""

from agno.agent import Agent, RunContentEvent, RunErrorEvent
from agno.models.anthropic import Claude
from agno.models.openai import OpenAIChat, OpenAIResponses
from openai import DefaultHttpxClient
from task import API, KEY, MODEL, TASK, TOOLS, URL

hooks = {"request": [lambda request: print(request.content.decode())]}
openai = {"id": MODEL, "api_key": KEY, "base_url": f"{URL}/v1"}
models = {
    "messages": lambda: Claude(id=MODEL, api_key=KEY, client_params={"base_url": URL}),
    "chat": lambda: OpenAIChat(**openai),
    "responses": lambda: OpenAIResponses(
        **openai, http_client=DefaultHttpxClient(event_hooks=hooks)
    ),
}
agent = Agent(model=models[API](), tools=list(TOOLS.values()), telemetry=False)
answer = ""
for event in agent.run(TASK, stream=True):
    if isinstance(event, RunErrorEvent):
        raise SystemExit(event.content)
    if isinstance(event, RunContentEvent):
        answer += event.content or ""
print(answer)
