"""What a span says: OpenTelemetry's names for generative AI where it has one, and no text of a
prompt or an answer.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/,
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from typing import Any

from app.common.finished import Finished, Try

LONGEST = 256
"""Characters of a value that a client chose."""

GENERATED = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "kiro"}


def name(finished: Finished) -> str:
    """The span's name, of which there are few: ``chat`` with the model that answered, or the
    route."""
    if finished.called_model:
        return f"chat {finished.model}"
    return f"{finished.method} {finished.route}".strip()


def of_request(finished: Finished) -> dict[str, Any]:
    """The attributes of a request's span."""
    told: dict[str, Any] = {
        "http.request.method": finished.method,
        "http.route": finished.route,
        "http.response.status_code": finished.status,
        "client.address": finished.client,
        "error.type": finished.error,
        "kiro2api.request_id": finished.request_id,
        "kiro2api.dialect": finished.dialect,
        "kiro2api.key": finished.key,
    }
    if finished.called_model:
        told |= GENERATED | _of_answer(finished)
    return {name: value for name, value in told.items() if value not in ("", None, ())}


def of_try(one: Try) -> dict[str, Any]:
    """The attributes of an attempt's span."""
    told = {
        **GENERATED,
        "gen_ai.request.model": one.model,
        "kiro2api.account": one.account,
        "error.type": one.error,
    }
    return {name: value for name, value in told.items() if value}


def _of_answer(finished: Finished) -> dict[str, Any]:
    cached = finished.cache_read_tokens + finished.cache_write_tokens
    return {
        "gen_ai.request.model": finished.model_asked[:LONGEST],
        "gen_ai.request.stream": finished.streamed,
        "gen_ai.response.model": finished.model,
        "gen_ai.response.finish_reasons": (finished.end,) if finished.end else (),
        "gen_ai.response.time_to_first_chunk": finished.first_event,
        "gen_ai.usage.input_tokens": finished.input_tokens + cached,
        "gen_ai.usage.output_tokens": finished.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": finished.cache_read_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": finished.cache_write_tokens or None,
        "kiro2api.account": finished.account,
        "kiro2api.credits": finished.credits,
        "kiro2api.upstream_id": finished.upstream_id,
        "kiro2api.repairs": tuple(name[:LONGEST] for name in finished.repairs[:LONGEST]),
        "kiro2api.ignored": tuple(name[:LONGEST] for name in finished.ignored[:LONGEST]),
    }
