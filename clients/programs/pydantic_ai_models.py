"""The models of pydantic-ai for all three APIs."""

from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from task import API, KEY, MODEL, URL

MODELS = {
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


def chosen_model() -> Model:
    """Return the model of the program's API."""
    return MODELS[API]()
