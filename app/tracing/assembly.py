"""Builds the parts of this package from the settings."""

from urllib.parse import unquote

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.settings import Settings
from app.version import __version__

from .spans import Spans


def spans(settings: Settings) -> Spans:
    """The maker of spans of a worker, to be made after the fork: its greenlet does not survive one.
    What is not set here, such as sampling, the SDK reads from its own variables (``OTEL_...``).
    """
    exporter = OTLPSpanExporter(
        endpoint=f"{settings.otel_exporter_otlp_endpoint}/v1/traces",
        headers=_headers(settings.otel_exporter_otlp_headers or ""),
    )
    named = {"service.name": settings.otel_service_name, "service.version": __version__}
    return Spans(BatchSpanProcessor(exporter), Resource.create(named), __version__)


def _headers(written: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in written.split(",") if item.strip())
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
