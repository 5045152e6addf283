"""Every dialect there is, one adapter object for each."""

from .anthropic import Anthropic
from .heard import Dialect
from .openai_chat import Chat
from .openai_responses import Responses

DIALECTS: tuple[Dialect, ...] = (Anthropic(), Chat(), Responses())
