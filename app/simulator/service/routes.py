"""Which operation a request asks for, in which binding, and the namespace of its errors."""

import re

from app.simulator.answers.script import CHAT
from app.simulator.catalogue.faults import CONTROL_PLANE, NAMESPACE, RUNTIME
from app.simulator.wire.bindings import Binding
from app.simulator.wire.http import HttpRequest

_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.")

UNKNOWN = "unknown"
MCP = "InvokeMCP"

_REST: dict[tuple[str, str], str] = {
    ("POST", "/generateAssistantResponse"): CHAT,
    ("GET", "/ListAvailableModels"): "ListAvailableModels",
    ("GET", "/getUsageLimits"): "GetUsageLimits",
    ("POST", "/ListAvailableProfiles"): "ListAvailableProfiles",
    ("POST", "/GetProfile"): "GetProfile",
    ("POST", "/mcp"): MCP,
}
_TARGETS: dict[str, str] = {
    "AmazonCodeWhispererStreamingService.GenerateAssistantResponse": CHAT,
    "KiroRuntimeService.GenerateAssistantResponse": CHAT,
    "AmazonCodeWhispererStreamingService.InvokeMCP": MCP,
    "KiroRuntimeService.InvokeMCP": MCP,
    "AmazonCodeWhispererService.ListAvailableModels": "ListAvailableModels",
    "KiroControlPlaneBearerService.ListAvailableModels": "ListAvailableModels",
    "AmazonCodeWhispererService.GetUsageLimits": "GetUsageLimits",
    "AmazonCodeWhispererService.ListAvailableProfiles": "ListAvailableProfiles",
    "AmazonCodeWhispererService.GetProfile": "GetProfile",
}


def route(request: HttpRequest, bindings: frozenset[Binding]) -> tuple[str, Binding]:
    """Return the operation of a request, and its binding, which must be one of `bindings`."""
    target = request.headers.get("x-amz-target")
    if request.method == "POST" and request.path == "/" and target is not None:
        known = _TARGETS.get(target, UNKNOWN)
        return known if "json-rpc" in bindings else UNKNOWN, "json-rpc"
    known = _REST.get((request.method, request.path), UNKNOWN)
    return known if "rest" in bindings else UNKNOWN, "rest"


def region_of(request: HttpRequest) -> str | None:
    """Return the region in the name of the host that the client asked, None if it has none."""
    found = _REGION.search(request.headers.get("host", ""))
    return found.group(1) if found else None


def on_control_plane(operation: str, binding: Binding) -> bool:
    """Return whether the newest hosts serve the operation apart from chat."""
    return binding == "json-rpc" and operation not in (CHAT, MCP, UNKNOWN)


def namespace(operation: str, binding: Binding) -> str:
    """Return the namespace of the types of this operation's errors."""
    if binding == "rest":
        return NAMESPACE
    return CONTROL_PLANE if on_control_plane(operation, binding) else RUNTIME
