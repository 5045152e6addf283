"""Google's Agent Development Kit, which reaches other models through LiteLLM."""

import asyncio

from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types
from task import API, KEY, MODEL, TASK, TOOLS, URL

models = {
    "messages": {"model": f"anthropic/{MODEL}", "api_base": URL},
    "chat": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
}


async def main() -> None:
    """Run the agent, which streams every turn."""
    model = LiteLlm(**models[API], api_key=KEY)
    agent = Agent(name="kiro", model=model, instruction="Compute.", tools=list(TOOLS.values()))
    runner = InMemoryRunner(agent=agent, app_name="kiro")
    session = await runner.session_service.create_session(app_name="kiro", user_id="me")
    asked = types.Content(role="user", parts=[types.Part(text=TASK)])
    streamed = RunConfig(streaming_mode=StreamingMode.SSE)
    async for event in runner.run_async(
        user_id="me", session_id=session.id, new_message=asked, run_config=streamed
    ):
        if event.error_message:
            raise SystemExit(event.error_message)
        if event.is_final_response() and not event.partial:
            print("".join(part.text or "" for part in event.content.parts))


asyncio.run(main())
