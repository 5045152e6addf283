"""pydantic-ai, with its models for all three APIs."""

import asyncio
from collections.abc import AsyncIterable

from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from task import API, KEY, MODEL, TASK, TOOLS, URL

models = {
    "messages": lambda: AnthropicModel(
        MODEL, provider=AnthropicProvider(base_url=URL, api_key=KEY)
    ),
    "chat": lambda: OpenAIChatModel(
        MODEL, provider=OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
    ),
    "responses": lambda: OpenAIResponsesModel(
        MODEL, provider=OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
    ),
}


async def drain(_: object, events: AsyncIterable[object]) -> None:
    """Read the events of a turn, which makes the agent stream it."""
    async for _event in events:
        pass


async def main() -> None:
    """Run the agent to its end; ``run_stream`` would end it with the first words."""
    agent = Agent(models[API](), tools=list(TOOLS.values()))
    run = await agent.run(TASK, event_stream_handler=drain)
    print(run.output)
    assert run.usage.input_tokens > 0


asyncio.run(main())
