"""Every dialect there is, one adapter object for each."""

from tests.chaos.anthropic import Anthropic
from tests.chaos.heard import Dialect
from tests.chaos.openai_chat import Chat
from tests.chaos.openai_responses import Responses

DIALECTS: tuple[Dialect, ...] = (Anthropic(), Chat(), Responses())
