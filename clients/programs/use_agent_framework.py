"""The Microsoft Agent Framework, on both of OpenAI's APIs. It prints what it sends."""

import asyncio
from typing import Any

from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from task import API, KEY, MODEL, TASK, TOOLS, URL

CLIENTS = {"chat": OpenAIChatCompletionClient, "responses": OpenAIChatClient}


async def sent(request: Any) -> None:
    """Print the body of a request."""
    print(request.content.decode())


async def main() -> None:
    """Run the agent, which streams every turn."""
    http = DefaultAsyncHttpxClient(event_hooks={"request": [sent]})
    openai = AsyncOpenAI(api_key=KEY, base_url=f"{URL}/v1", http_client=http)
    client = CLIENTS[API](model=MODEL, async_client=openai)
    agent = Agent(client=client, instructions="Compute.", tools=list(TOOLS.values()))
    stream = agent.run(TASK, stream=True)
    async for _ in stream:
        pass
    print((await stream.get_final_response()).text)


asyncio.run(main())
