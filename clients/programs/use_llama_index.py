"""LlamaIndex, with its agent on both of OpenAI's APIs."""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike, OpenAILikeResponses
from task import API, KEY, MODEL, TASK, TOOLS, URL

MODELS = {"chat": OpenAILike, "responses": OpenAILikeResponses}
chosen = {"is_chat_model": True} if API == "chat" else {}


async def main() -> None:
    """Run the agent, which streams every turn."""
    model = MODELS[API](
        model=MODEL,
        api_base=f"{URL}/v1",
        api_key=KEY,
        is_function_calling_model=True,
        context_window=200_000,
        **chosen,
    )
    agent = FunctionAgent(tools=list(TOOLS.values()), llm=model, system_prompt="Compute.")
    print(await agent.run(TASK))


asyncio.run(main())
