"""The operation of Chat Completions, for ``/openapi.json``."""

from app.dialects.openai import OpenAIError
from app.openapi import JSON, Operation

from . import shapes
from .schema import ChatRequest

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/chat/completions",
        summary="Ask a model for an answer, streamed or whole.",
        request=ChatRequest,
        answers={JSON: shapes.Completion},
        events=[shapes.Chunk, OpenAIError],
        sentinel="[DONE]",
    ),
)
