"""The checks of an InvokeMCP request: its headers and its shape, a call in JSON-RPC 2.0.

What a call is for (its `params`) is not checked here: the service answers to that in JSON-RPC too.
Source: captures of kiro-cli for the JSON RPC binding, open gateways for the other one.
"""

from collections.abc import Mapping
from typing import Any

from app.simulator.wire.bindings import CONTENT_TYPES, Binding

from .request_shape import PROFILE_ARN
from .shapes import document, enum, string, structure
from .validate import Violation

PROFILE_HEADER = "x-amzn-kiro-profile-arn"

_arn = string(0, 950, PROFILE_ARN, rule="profile-arn")
_members = {
    "id": string(1, 256),
    "jsonrpc": enum("2.0"),
    "method": enum("tools/call", "tools/list"),
    "params": document,
}
_required = ("id", "jsonrpc", "method")
_SHAPES = {
    "rest": structure(_members, *_required),
    "json-rpc": structure({**_members, "profileArn": _arn}, *_required),
}


def violations(body: Any, headers: Mapping[str, str], binding: Binding) -> list[Violation]:
    """Return every rule that a request violates. Names of headers are in lower case."""
    found: list[Violation] = []

    def report(rule: str, message: str) -> None:
        found.append(Violation(rule, message))

    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != CONTENT_TYPES[binding]:
        report("content-type", f"content-type must be {CONTENT_TYPES[binding]}")
    if binding == "json-rpc" and PROFILE_HEADER in headers:
        report("profile-arn", f"the profile is named in the body, not in {PROFILE_HEADER}")
    elif PROFILE_HEADER in headers:
        _arn(headers[PROFILE_HEADER], f"header {PROFILE_HEADER}", report)
    if not isinstance(body, dict):
        report("json", "the body is not a JSON object")
    else:
        _SHAPES[binding](body, "", report)
    return found
