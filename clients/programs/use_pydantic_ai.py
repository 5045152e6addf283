"""pydantic-ai, with its models for all three APIs."""

import asyncio
from collections.abc import AsyncIterable

from pydantic_ai import Agent
from pydantic_ai_models import chosen_model
from task import TASK, TOOLS


async def drain(_: object, events: AsyncIterable[object]) -> None:
    """Read the events of a turn, which makes the agent stream it."""
    async for _event in events:
        pass


async def main() -> None:
    """Run the agent to its end; ``run_stream`` would end it with the first words."""
    agent = Agent(chosen_model(), tools=list(TOOLS.values()))
    run = await agent.run(TASK, event_stream_handler=drain)
    print(run.output)
    assert run.usage.input_tokens > 0


asyncio.run(main())
