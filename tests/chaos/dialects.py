"""Every dialect there is, one adapter object for each."""

from tests.chaos.anthropic import Anthropic
from tests.chaos.openai_chat import Chat
from tests.chaos.openai_responses import Responses
from tests.chaos.received import Dialect

DIALECTS: tuple[Dialect, ...] = (Anthropic(), Chat(), Responses())
