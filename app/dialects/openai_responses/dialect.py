"""The OpenAI Responses API, as the application knows it."""

from functools import partial

from app.dialects import openai
from app.dialects.dialect import Dialect
from app.web.failures import ErrorForm

from .fields import FIELDS, TYPES
from .operations import OPERATIONS
from .routes import blueprint
from .stream import StreamEncoder

RESPONSES = Dialect(
    name="Responses",
    paths=("/v1/responses", "/v1/conversations"),
    shared_paths=("/v1/models",),
    key_headers=("Authorization",),
    error_form=ErrorForm(
        partial(openai.body, conversation="input"), openai.status, openai.rate_headers
    ),
    error_type=openai.OpenAIError,
    operations=OPERATIONS,
    types=TYPES,
    fields=FIELDS,
    encoder=StreamEncoder,
    blueprint=blueprint,
)
