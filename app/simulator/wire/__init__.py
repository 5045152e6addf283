"""Bytes on the connection: HTTP/1.1 and event-stream frames."""
