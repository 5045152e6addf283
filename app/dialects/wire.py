"""JSON as every dialect writes it."""

from msgspec.json import Encoder

encode = Encoder().encode
"""Any value as JSON, in UTF-8; text is escaped only where JSON demands it."""
