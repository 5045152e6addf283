"""Agno, with its agent on all three APIs."""

from agno.agent import Agent, RunContentEvent, RunErrorEvent
from agno.models.anthropic import Claude
from agno.models.openai import OpenAIChat, OpenAIResponses
from task import API, KEY, MODEL, TASK, TOOLS, URL

openai = {"id": MODEL, "api_key": KEY, "base_url": f"{URL}/v1"}
models = {
    "messages": lambda: Claude(id=MODEL, api_key=KEY, client_params={"base_url": URL}),
    "chat": lambda: OpenAIChat(**openai),
    "responses": lambda: OpenAIResponses(**openai),
}
agent = Agent(model=models[API](), tools=list(TOOLS.values()), telemetry=False)
answer = ""
for event in agent.run(TASK, stream=True):
    if isinstance(event, RunErrorEvent):
        raise SystemExit(event.content)
    if isinstance(event, RunContentEvent):
        answer += event.content or ""
print(answer)
