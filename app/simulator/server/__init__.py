"""Connections, delivery of answers, and the control endpoint."""
