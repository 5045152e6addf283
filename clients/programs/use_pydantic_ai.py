"""pydantic-ai, with its models for all three APIs."""

import asyncio

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


async def main() -> None:
    """Run the agent, which streams every turn."""
    agent = Agent(models[API](), tools=list(TOOLS.values()))
    async with agent.run_stream(TASK) as run:
        print(await run.get_output())
    assert run.usage.input_tokens > 0


asyncio.run(main())
