"""The OpenAI Chat Completions API, as the application knows it."""

from functools import partial

from app.dialects import openai
from app.dialects.dialect import Dialect
from app.web.failures import ErrorForm

from .fields import FIELDS, TYPES
from .operations import OPERATIONS
from .routes import blueprint
from .stream import StreamEncoder

CHAT_COMPLETIONS = Dialect(
    name="Chat Completions",
    paths=("/v1/chat", "/v1/completions", "/v1/embeddings"),
    shared_paths=("/v1/models",),
    key_headers=("Authorization",),
    error_form=ErrorForm(
        partial(openai.body, conversation="messages"), openai.status, openai.rate_headers
    ),
    error_type=openai.OpenAIError,
    operations=OPERATIONS,
    types=TYPES,
    fields=FIELDS,
    encoder=StreamEncoder,
    blueprint=blueprint,
)
