"""The OpenAI Agents SDK, on both of OpenAI's APIs."""

import asyncio

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from task import API, KEY, MODEL, TASK, TOOLS, URL

MODELS = {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}


async def main() -> None:
    """Run the agent, which streams every turn."""
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY)
    model = MODELS[API](model=MODEL, openai_client=client)
    tools = [function_tool(tool) for tool in TOOLS.values()]
    run = Runner.run_streamed(Agent(name="kiro", model=model, tools=tools), TASK)
    async for _ in run.stream_events():
        pass
    print(run.final_output)


asyncio.run(main())
