"""Decodes event-stream frames into core events."""
