"""A client of every dialect."""

from tests.chaos.anthropic import AnthropicClient
from tests.chaos.openai_chat import ChatClient
from tests.chaos.openai_responses import ResponsesClient
from tests.chaos.received import DialectClient

DIALECTS: tuple[DialectClient, ...] = (AnthropicClient(), ChatClient(), ResponsesClient())
