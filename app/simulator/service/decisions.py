"""The decision on the answer to each request, made without IO.

The checks come in the order of the real service: the operation, the token, the rules of the
request. The answer comes from a script, else from a directive in the conversation, else it is a
readable default.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.simulator.answers.directives import Directives
from app.simulator.answers.script import CHAT, Script
from app.simulator.answers.stream import ChatRequest, answer_stream
from app.simulator.answers.typed_form import ScriptError
from app.simulator.answers.vocabulary import Delivery, ScriptedAnswer
from app.simulator.catalogue import models
from app.simulator.catalogue.faults import NAMED, Fault, fault_response
from app.simulator.checks.body import current_user
from app.simulator.checks.validate import Violation, refusal, violations
from app.simulator.wire.bindings import Binding
from app.simulator.wire.http import HttpRequest, HttpResponse, json_response, parse_json

from . import operations
from .request_log import LoggedRequest
from .sign_in import SignIn, masked
from .tokens import Tokens

EVENT_STREAM = "application/vnd.amazon.eventstream"
UNKNOWN = "unknown"

_REST: dict[tuple[str, str], str] = {
    ("POST", "/generateAssistantResponse"): CHAT,
    ("GET", "/ListAvailableModels"): "ListAvailableModels",
    ("GET", "/getUsageLimits"): "GetUsageLimits",
    ("POST", "/ListAvailableProfiles"): "ListAvailableProfiles",
    ("POST", "/GetProfile"): "GetProfile",
    ("POST", "/mcp"): "InvokeMCP",
}
_TARGETS: dict[str, str] = {
    "AmazonCodeWhispererStreamingService.GenerateAssistantResponse": CHAT,
    "AmazonCodeWhispererService.ListAvailableModels": "ListAvailableModels",
    "AmazonCodeWhispererService.GetUsageLimits": "GetUsageLimits",
    "AmazonCodeWhispererService.ListAvailableProfiles": "ListAvailableProfiles",
    "AmazonCodeWhispererService.GetProfile": "GetProfile",
}


@dataclass(slots=True)
class Decision:
    """The answer to a request: a complete `response`, or the `frames` of a stream and its
    `headers`."""

    response: HttpResponse | None = None
    frames: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)


class SimulatedService:
    """Holds tokens, scripts and directives, and decides on each request."""

    def __init__(
        self, tokens: Tokens, bindings: frozenset[Binding], base_url: Callable[[], str]
    ) -> None:
        self.tokens = tokens
        self.script = Script()
        self._bindings = bindings
        self._directives = Directives()
        self._sign_in = SignIn(tokens, base_url)
        self._credits_spent = 0.0

    def reset(self) -> None:
        """Remove scripts and clear the state of directives and the spent credits.

        Tokens stay valid.
        """
        self.script.clear()
        self._directives = Directives()
        self._credits_spent = 0.0

    def identify(self, request: HttpRequest, logged: LoggedRequest) -> None:
        """Fill in operation, binding, bearer and body of the log entry."""
        logged.operation, logged.binding = self._route(request)
        logged.bearer = self.tokens.label(_bearer(request))
        form = parse_json(request.body)
        logged.body = masked(form) if logged.operation in self._sign_in.routes else form

    def decide(self, request: HttpRequest, logged: LoggedRequest) -> Decision:
        """Return the answer to a request that `identify` has processed."""
        decision = self._decide(request, logged, _bearer(request))
        identity = {"x-amzn-requestid": str(uuid.uuid4())}
        if decision.response:
            decision.response.headers = identity | decision.response.headers
        decision.headers |= identity
        return decision

    def _route(self, request: HttpRequest) -> tuple[str, Binding]:
        if request.method == "POST" and request.path in self._sign_in.routes:
            return request.path, "rest"
        target = request.headers.get("x-amz-target")
        if request.method == "POST" and request.path == "/" and target is not None:
            known = _TARGETS.get(target, UNKNOWN)
            return known if "json-rpc" in self._bindings else UNKNOWN, "json-rpc"
        known = _REST.get((request.method, request.path), UNKNOWN)
        return known if "rest" in self._bindings else UNKNOWN, "rest"

    def _decide(self, request: HttpRequest, logged: LoggedRequest, bearer: str) -> Decision:
        operation, binding = logged.operation, logged.binding
        if operation == UNKNOWN:
            return Decision(fault_response(NAMED["unknown_operation"], binding))
        if operation in self._sign_in.routes:
            return self._scripted(logged, bearer, lambda: self._sign_in.routes[operation](request))
        fault = self.tokens.refusal(bearer, request.headers.get("tokentype", ""))
        if fault:
            return Decision(fault_response(fault, binding))
        if operation == CHAT:
            return self._chat(request, logged, bearer)
        return self._scripted(logged, bearer, lambda: self._operate(request, logged, bearer))

    def _scripted(
        self, logged: LoggedRequest, bearer: str, normal: Callable[[], HttpResponse]
    ) -> Decision:
        """Answer normally unless a script says to fail.

        Its delays and resets apply in both cases.
        """
        answer = self.script.take(logged.operation, logged.body, bearer)
        if answer is None:
            return Decision(normal())
        response = fault_response(answer.fail, logged.binding) if answer.fail else normal()
        return Decision(response, delivery=answer.delivery)

    def _chat(self, request: HttpRequest, logged: LoggedRequest, bearer: str) -> Decision:
        logged.violations = _violations(request, logged)
        if logged.violations:
            return _refuse(logged.violations, logged.binding)
        answer = self.script.take(CHAT, logged.body, bearer)
        try:
            answer = answer or self._directives.answer_to(logged.body) or ScriptedAnswer()
        except ScriptError as problem:
            logged.violations = [Violation("directive", str(problem))]
            return _refuse(logged.violations, logged.binding)
        if answer.fail:
            response = fault_response(answer.fail, logged.binding)
            return Decision(response, delivery=answer.delivery)
        return self._stream(answer, logged)

    def _stream(self, answer: ScriptedAnswer, logged: LoggedRequest) -> Decision:
        requested = current_user(logged.body).get("modelId")
        model = models.find(requested, logged.binding)
        assert model is not None, "a request that keeps the rules names a known model"
        chat = ChatRequest(logged.body, logged.binding, models.answering(model), logged.number)
        stream = answer_stream(answer, chat)
        self._credits_spent += stream.credits
        headers = {"content-type": EVENT_STREAM}
        if logged.binding == "rest":
            headers["x-amzn-codewhisperer-conversation-id"] = chat.conversation_id
        return Decision(None, stream.frames, headers, answer.delivery)

    def _operate(self, request: HttpRequest, logged: LoggedRequest, bearer: str) -> HttpResponse:
        form = {**request.query, **(logged.body if isinstance(logged.body, dict) else {})}
        if logged.operation == "ListAvailableProfiles" and bearer.startswith("ksk_"):
            fault = replace(NAMED["bearer_invalid"], message="Unsupported token type")
            return fault_response(fault, logged.binding)
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "ListAvailableModels": lambda: operations.list_available_models(form),
            "GetUsageLimits": lambda: operations.get_usage_limits(self._credits_spent),
            "ListAvailableProfiles": operations.list_available_profiles,
            "GetProfile": lambda: {"profile": operations.profile()},
            "InvokeMCP": lambda: operations.invoke_mcp(form),
        }
        try:
            answer = answers[logged.operation]()
        except ValueError:
            return fault_response(NAMED["improperly_formed"], logged.binding)
        return json_response(200, answer, binding=logged.binding)


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _violations(request: HttpRequest, logged: LoggedRequest) -> list[Violation]:
    if not isinstance(logged.body, dict):
        return [Violation("json", "the body is not a JSON object")]
    return violations(logged.body, headers=request.headers, binding=logged.binding)


def _refuse(found: list[Violation], binding: Binding) -> Decision:
    message, reason = refusal(found)
    if found[0].rule == "directive":
        message = f"simulator: {found[0].message}"
    rules = list(dict.fromkeys(violation.rule for violation in found))
    headers = {"x-sim-violation": rules[0], "x-sim-violations": ",".join(rules)}
    fault = Fault(400, "ValidationException", message, reason)
    return Decision(fault_response(fault, binding, headers))
