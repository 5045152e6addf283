"""The Anthropic Messages API, as the application knows it."""

from app.dialects.dialect import Dialect
from app.web.failures import ErrorForm

from . import errors, shapes
from .fields import FIELDS, TYPES
from .operations import OPERATIONS
from .routes import blueprint
from .stream import StreamEncoder

ANTHROPIC = Dialect(
    name="Anthropic",
    paths=("/v1/messages",),
    shared_paths=("/v1/models",),
    identifying_header="anthropic-version",  # every SDK of Anthropic's sends it
    key_headers=("Authorization", "x-api-key"),
    error_form=ErrorForm(errors.body, errors.status, errors.rate_headers),
    error_type=shapes.AnthropicError,
    operations=OPERATIONS,
    types=TYPES,
    fields=FIELDS,
    encoder=StreamEncoder,
    blueprint=blueprint,
)
