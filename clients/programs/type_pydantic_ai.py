"""pydantic-ai: typed answers by a forced tool and by the API's own JSON, whole and streamed.

The model answers in prose first; the library would ask again itself, and fail without retries.
"""

import asyncio
from collections.abc import AsyncIterable

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai_models import chosen_model
from task import TASK


class Sum(BaseModel):
    """An equation."""

    left: str
    result: int


async def drain(_: object, events: AsyncIterable[object]) -> None:
    """Read the events of a turn, which makes the agent stream it."""
    async for _event in events:
        pass


async def main() -> None:
    """Ask in each way."""
    for output in (ToolOutput(Sum), NativeOutput(Sum)):
        agent = Agent(chosen_model(), output_type=output, retries=0)
        for handler in (None, drain):
            run = await agent.run(TASK, event_stream_handler=handler)
            print(run.output.left, run.output.result, end="; ")


asyncio.run(main())
