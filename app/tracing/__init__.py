"""Requests as spans of OpenTelemetry. Its packages are the extra ``otel``."""
