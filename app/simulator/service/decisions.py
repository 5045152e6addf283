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
from app.simulator.checks import mcp
from app.simulator.checks.body import as_dict, current_user
from app.simulator.checks.refusals import refusal
from app.simulator.checks.rules import Settings
from app.simulator.checks.validate import Violation, violations
from app.simulator.wire.bindings import Binding
from app.simulator.wire.http import HttpRequest, HttpResponse, json_response, parse_json

from . import control_plane
from .catalogue import Catalogue
from .request_log import LoggedRequest
from .routes import MCP, UNKNOWN, namespace, on_control_plane, region_of, route
from .sign_in import SignIn, masked
from .tokens import Tokens

EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(slots=True)
class Decision:
    """The answer to a request: a complete `response`, or the `frames` of a stream and its
    `headers`."""

    response: HttpResponse | None = None
    frames: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)


class SimulatedService:
    """Holds tokens, catalogue, scripts and directives, and decides on each request.

    `catalogue` makes the catalogue at the start and after a reset. `region` is that of the host,
    for requests whose Host header names none; None if it serves every region.
    """

    def __init__(
        self,
        tokens: Tokens,
        catalogue: Callable[[], Catalogue],
        bindings: frozenset[Binding],
        base_url: Callable[[], str],
        region: str | None,
    ) -> None:
        self.tokens = tokens
        self.settings = Settings()
        self.quota: dict[str, Any] = {}
        self.search: dict[str, Any] = {}
        self._region = region
        self.catalogue = catalogue()
        self._new_catalogue = catalogue
        self.script = Script()
        self._bindings = bindings
        self._directives = Directives()
        self._sign_in = SignIn(tokens, base_url)
        self._credits_spent = 0.0

    def reset(self) -> None:
        """Remove scripts and clear the state of directives, the catalogue and the spent credits.

        Settings of the rules, the quota and the search are restored too. Tokens stay valid.
        """
        self.script.clear()
        self.settings = Settings()
        self.quota = {}
        self.search = {}
        self.catalogue = self._new_catalogue()
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
        method = "GET" if request.path in self._sign_in.pages else "POST"
        if request.method == method and request.path in self._sign_in.routes:
            return request.path, "rest"
        return route(request, self._bindings)

    def _decide(self, request: HttpRequest, logged: LoggedRequest, bearer: str) -> Decision:
        operation, binding = logged.operation, logged.binding
        if operation == UNKNOWN:
            return Decision(fault_response(NAMED["unknown_operation"], binding))
        if operation in self._sign_in.routes:
            return self._scripted(logged, bearer, lambda: self._sign_in.routes[operation](request))
        fault = self.tokens.refusal(bearer, request.headers.get("tokentype", ""))
        if fault:
            if on_control_plane(operation, binding):
                fault = replace(fault, status=400)
            return Decision(_failure(fault, logged))
        if operation == CHAT:
            return self._chat(request, logged, bearer)
        if operation == MCP:
            logged.violations = mcp.violations(logged.body, request.headers, binding)
            if logged.violations:
                return _refuse(logged)
        region = region_of(request) or self._region
        return self._scripted(logged, bearer, lambda: self._operate(logged, bearer, region))

    def _scripted(
        self, logged: LoggedRequest, bearer: str, normal: Callable[[], HttpResponse]
    ) -> Decision:
        """Answer normally unless a script says to fail.

        Its delays and resets apply in both cases.
        """
        answer = self.script.take(logged.operation, logged.body, bearer)
        if answer is None:
            return Decision(normal())
        response = _failure(answer.fail, logged) if answer.fail else normal()
        return Decision(response, delivery=answer.delivery)

    def _chat(self, request: HttpRequest, logged: LoggedRequest, bearer: str) -> Decision:
        logged.violations = self._violations(request, logged, bearer)
        if logged.violations:
            return _refuse(logged)
        answer = self.script.take(CHAT, logged.body, bearer)
        try:
            answer = answer or self._directives.answer_to(logged.body) or ScriptedAnswer()
        except ScriptError as problem:
            logged.violations = [Violation("directive", str(problem))]
            return _refuse(logged)
        if answer.fail:
            return Decision(_failure(answer.fail, logged), delivery=answer.delivery)
        return self._stream(answer, logged, bearer)

    def _violations(
        self, request: HttpRequest, logged: LoggedRequest, bearer: str
    ) -> list[Violation]:
        if not isinstance(logged.body, dict):
            return [Violation("json", "the body is not a JSON object")]
        return violations(
            logged.body,
            headers=request.headers,
            binding=logged.binding,
            offered=self._served(logged, bearer),
            settings=self.settings,
            region=region_of(request) or self._region,
        )

    def _served(self, logged: LoggedRequest, bearer: str) -> models.ModelList:
        origin = current_user(logged.body).get("origin")
        return self.catalogue.served(self._keys(logged, bearer), origin, logged.binding)

    def _keys(self, logged: LoggedRequest, bearer: str) -> tuple[str, ...]:
        """Return the names of the account of a request, see `Catalogue.accounts`."""
        arn = {**logged.query, **as_dict(logged.body)}.get("profileArn")
        return bearer, self.tokens.account(bearer), arn if isinstance(arn, str) else ""

    def _stream(self, answer: ScriptedAnswer, logged: LoggedRequest, bearer: str) -> Decision:
        requested = current_user(logged.body).get("modelId")
        model = self._served(logged, bearer).find(requested, logged.binding)
        assert model is not None, "a request that keeps the rules names a known model"
        chat = ChatRequest(logged.body, logged.binding, models.answering(model), logged.number)
        stream = answer_stream(answer, chat)
        self._credits_spent += stream.credits
        headers = {"content-type": EVENT_STREAM}
        if logged.binding == "rest":
            headers["x-amzn-codewhisperer-conversation-id"] = chat.conversation_id
        return Decision(None, stream.frames, headers, answer.delivery)

    def _operate(self, logged: LoggedRequest, bearer: str, region: str | None) -> HttpResponse:
        call = control_plane.Call(
            logged.operation,
            logged.binding,
            bearer,
            {**logged.query, **as_dict(logged.body)},
            self._keys(logged, bearer),
            self._credits_spent,
            region,
        )
        try:
            answer = control_plane.answer(
                call, self.catalogue, self.tokens, self.quota, self.search
            )
        except control_plane.Refused as refused:
            return _failure(refused.fault, logged)
        return json_response(200, answer, binding=logged.binding)


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _failure(fault: Fault, logged: LoggedRequest) -> HttpResponse:
    where = namespace(logged.operation, logged.binding)
    return fault_response(fault, logged.binding, namespace=where)


def _refuse(logged: LoggedRequest) -> Decision:
    found = logged.violations
    message, reason = refusal(found)
    if found[0].rule == "directive":
        message = f"simulator: {found[0].message}"
    rules = list(dict.fromkeys(violation.rule for violation in found))
    headers = {"x-sim-violation": rules[0], "x-sim-violations": ",".join(rules)}
    fault = Fault(400, "ValidationException", message, reason, headers)
    return Decision(_failure(fault, logged))
