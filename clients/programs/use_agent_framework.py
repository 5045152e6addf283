"""The Microsoft Agent Framework, on both of OpenAI's APIs."""

import asyncio

from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient
from task import API, KEY, MODEL, TASK, TOOLS, URL

CLIENTS = {"chat": OpenAIChatCompletionClient, "responses": OpenAIChatClient}


async def main() -> None:
    """Run the agent, which streams every turn."""
    client = CLIENTS[API](model=MODEL, api_key=KEY, base_url=f"{URL}/v1")
    agent = Agent(client=client, instructions="Compute.", tools=list(TOOLS.values()))
    answer = ""
    async for update in agent.run(TASK, stream=True):
        answer += update.text
    print(answer)


asyncio.run(main())
