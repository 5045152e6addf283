"""Haystack, with its agent on all three APIs."""

from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage, StreamingChunk
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from haystack_integrations.components.generators.anthropic import AnthropicChatGenerator
from task import API, KEY, MODEL, TASK, TOOLS, URL

key = Secret.from_token(KEY)
openai = {"api_key": key, "model": MODEL, "api_base_url": f"{URL}/v1"}


def anthropic() -> AnthropicChatGenerator:
    """Return the generator for Messages, which takes its base URL from the client."""
    import anthropic as sdk

    generator = AnthropicChatGenerator(api_key=key, model=MODEL)
    generator.client = sdk.Anthropic(api_key=KEY, base_url=URL)
    return generator


generators = {
    "messages": anthropic,
    "chat": lambda: OpenAIChatGenerator(**openai),
    "responses": lambda: OpenAIResponsesChatGenerator(**openai),
}


def seen(_: StreamingChunk) -> None:
    """Ask for a stream by looking at it."""


tools = [create_tool_from_function(tool) for tool in TOOLS.values()]
agent = Agent(chat_generator=generators[API](), tools=tools, streaming_callback=seen)
result = agent.run(messages=[ChatMessage.from_user(TASK)])
print(result["last_message"].text)
