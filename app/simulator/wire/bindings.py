"""The two protocol bindings over which the service speaks."""

from typing import Literal

Binding = Literal["rest", "json-rpc"]

CONTENT_TYPES: dict[Binding, str] = {
    "rest": "application/json",
    "json-rpc": "application/x-amz-json-1.0",
}
"""The content type of JSON bodies, requests and responses alike."""
