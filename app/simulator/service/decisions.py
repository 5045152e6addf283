"""What a request is answered, without any IO.

The order is the service's own: the operation, the token, the rules of the request; then a script,
a directive in the conversation, and at last a readable default.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.simulator.answers.directives import Directives
from app.simulator.answers.script import CHAT, Script, ScriptError
from app.simulator.answers.stream import Chat, speak
from app.simulator.answers.vocabulary import Answer
from app.simulator.catalogue import faults
from app.simulator.catalogue import models as catalogue
from app.simulator.catalogue.faults import NAMED, Fault
from app.simulator.catalogue.models import Binding
from app.simulator.checks import validate
from app.simulator.checks.conversation import current_user
from app.simulator.checks.validate import Violation
from app.simulator.server.delivery import Decision
from app.simulator.wire.http import Reply, Request, json_reply

from . import operations
from .request_log import Seen
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


class Service:
    """Tokens, scripts and directives, and the decision on each request."""

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
        """Forget scripts, the failures directives gave, and credits spent; tokens stay valid."""
        self.script.clear()
        self._directives = Directives()
        self._credits_spent = 0.0

    def understand(self, request: Request, seen: Seen) -> None:
        """Fill in what the record says about operation, binding, bearer and body."""
        seen.operation, seen.binding = self._route(request)
        seen.bearer = self.tokens.label(_bearer(request))
        form = parse_json(request.body)
        seen.body = masked(form) if seen.operation in self._sign_in.routes else form

    def decide(self, request: Request, seen: Seen) -> Decision:
        """Return the answer to a request that was understood."""
        decision = self._decide(request, seen, _bearer(request))
        identity = {"x-amzn-requestid": str(uuid.uuid4())}
        if decision.reply:
            decision.reply.headers = identity | decision.reply.headers
        decision.headers |= identity
        return decision

    def _route(self, request: Request) -> tuple[str, Binding]:
        if request.method == "POST" and request.path in self._sign_in.routes:
            return request.path, "rest"
        target = request.headers.get("x-amz-target")
        if request.method == "POST" and request.path == "/" and target is not None:
            known = _TARGETS.get(target, UNKNOWN)
            return known if "json-rpc" in self._bindings else UNKNOWN, "json-rpc"
        known = _REST.get((request.method, request.path), UNKNOWN)
        return known if "rest" in self._bindings else UNKNOWN, "rest"

    def _decide(self, request: Request, seen: Seen, bearer: str) -> Decision:
        operation, binding = seen.operation, seen.binding
        if operation == UNKNOWN:
            return Decision(faults.reply(NAMED["unknown_operation"], binding))
        if operation in self._sign_in.routes:
            return self._scripted(seen, bearer, lambda: self._sign_in.routes[operation](request))
        refusal = self.tokens.refusal(bearer, request.headers.get("tokentype", ""))
        if refusal:
            return Decision(faults.reply(refusal, binding))
        if operation == CHAT:
            return self._chat(request, seen, bearer)
        return self._scripted(seen, bearer, lambda: self._operate(request, seen, bearer))

    def _scripted(self, seen: Seen, bearer: str, usual: Callable[[], Reply]) -> Decision:
        """Answer as usual unless a script says to fail; its delays and resets apply to both."""
        answer = self.script.take(seen.operation, seen.body, bearer)
        if answer is None:
            return Decision(usual())
        reply = faults.reply(answer.fail, seen.binding) if answer.fail else usual()
        return Decision(reply, delivery=answer.delivery)

    def _chat(self, request: Request, seen: Seen, bearer: str) -> Decision:
        seen.violations = _broken_rules(request, seen)
        if seen.violations:
            return _refuse(seen.violations, seen.binding)
        answer = self.script.take(CHAT, seen.body, bearer)
        try:
            answer = answer or self._directives.answer_to(seen.body) or Answer()
        except ScriptError as problem:
            seen.violations = [Violation("directive", str(problem))]
            return _refuse(seen.violations, seen.binding)
        if answer.fail:
            reply = faults.reply(answer.fail, seen.binding)
            return Decision(reply, delivery=answer.delivery)
        return self._stream(answer, seen)

    def _stream(self, answer: Answer, seen: Seen) -> Decision:
        asked = current_user(seen.body).get("modelId")
        model = catalogue.find(asked, seen.binding)
        assert model is not None, "the rules hold, so the model is known"
        chat = Chat(seen.body, seen.binding, catalogue.answering(model), seen.number)
        speech = speak(answer, chat)
        self._credits_spent += speech.credits
        headers = {"content-type": EVENT_STREAM}
        if seen.binding == "rest":
            headers["x-amzn-codewhisperer-conversation-id"] = chat.conversation_id
        return Decision(None, speech.frames, headers, answer.delivery)

    def _operate(self, request: Request, seen: Seen, bearer: str) -> Reply:
        form = {**request.query, **(seen.body if isinstance(seen.body, dict) else {})}
        if seen.operation == "ListAvailableProfiles" and bearer.startswith("ksk_"):
            fault = replace(NAMED["bearer_invalid"], message="Unsupported token type")
            return faults.reply(fault, seen.binding)
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "ListAvailableModels": lambda: operations.list_available_models(form),
            "GetUsageLimits": lambda: operations.get_usage_limits(self._credits_spent),
            "ListAvailableProfiles": operations.list_available_profiles,
            "GetProfile": lambda: {"profile": operations.profile()},
            "InvokeMCP": lambda: operations.invoke_mcp(form),
        }
        try:
            answer = answers[seen.operation]()
        except ValueError:
            return faults.reply(NAMED["improperly_formed"], seen.binding)
        return json_reply(200, answer, binding=seen.binding)


def parse_json(body: bytes) -> Any:
    """Return the JSON value, None if it is none; NaN and Infinity are no JSON."""

    def refuse(_: str) -> float:
        raise ValueError

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _broken_rules(request: Request, seen: Seen) -> list[Violation]:
    if not isinstance(seen.body, dict):
        return [Violation("json", "the body is no JSON object")]
    return validate.violations(seen.body, headers=request.headers, binding=seen.binding)


def _refuse(broken: list[Violation], binding: Binding) -> Decision:
    message, reason = validate.answer_to(broken)
    if broken[0].rule == "directive":
        message = f"simulator: {broken[0].message}"
    rules = list(dict.fromkeys(violation.rule for violation in broken))
    headers = {"x-sim-violation": rules[0], "x-sim-violations": ",".join(rules)}
    fault = Fault(400, "ValidationException", message, reason)
    return Decision(faults.reply(fault, binding, headers))
