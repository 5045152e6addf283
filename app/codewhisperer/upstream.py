"""CodeWhisperer as an upstream of the gateway: the public interface of this package. It implements
the protocols in :mod:`app.upstream`.
"""

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from time import monotonic
from typing import Any, TypeAlias, get_args
from uuid import NAMESPACE_URL, uuid4, uuid5

from msgspec.structs import replace

from app.aws.regions import region_of
from app.core.conversation import Conversation
from app.core.events import Event
from app.errors import GatewayError
from app.models.model import Generation, Model
from app.settings import Settings
from app.upstream import AccessToken, Tap
from app.version import __version__

from .answer.batches import event_batches
from .answer.decoder import EventDecoder
from .answer.ending import Tail
from .client import Client, ResponseStream
from .memory import SECONDS, Memory
from .remedies import Applied, Course, Scope, choose
from .request.render import RenderedRequest, render
from .request.repair.attachments import MAX_IMAGE_BYTES
from .request.sent_documents import name_documents
from .service.error_table import OLDER_HOST
from .service.errors import upstream_id
from .service.hosts import HostChoice, authorization
from .service.operations import ControlPlane
from .service.profiles import ProfileChoice
from .signatures import family, own_reasoning, tagged

log = logging.getLogger("kiro2api.upstream")

USER_AGENT = f"kiro2api/{__version__}"

Rendering: TypeAlias = Callable[[], RenderedRequest]
Run: TypeAlias = Callable[[int, Rendering], RenderedRequest]


def _run(size: int, call: Rendering) -> RenderedRequest:
    return call()


class CodeWhisperer:
    """The service, with the connections of one worker. ``control`` calls its control plane.

    ``idle`` is the longest silence of a running answer, ``ping`` the silence after which its
    batches tick, and ``quiet_end`` the silence after a meteringEvent that ends it, all in seconds.
    ``max_answer_bytes`` bounds the service's own stream, and
    ``max_tool_description`` is in characters, ``max_image_bytes`` decoded. ``run(size, call)``
    calls the rendering of a request that takes as long as one of that many bytes.
    """

    def __init__(
        self,
        client: Client,
        hosts: HostChoice,
        *,
        idle: float,
        max_answer_bytes: float = inf,
        ping: float,
        quiet_end: float = inf,
        max_tool_description: int,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        run: Run = _run,
    ) -> None:
        self.client = client
        self.hosts = hosts
        self.control = ControlPlane(client, hosts)
        self.profiles = ProfileChoice(self._find_profile)
        self.memory = Memory(monotonic)
        self.idle = idle
        self.max_answer_bytes = max_answer_bytes
        self.ping = ping
        self.quiet_end = quiet_end
        self.tails = {name: Tail(dependable=name == "kiro") for name in get_args(Generation)}
        self.max_tool_description = max_tool_description
        self.max_image_bytes = max_image_bytes
        self.run = run

    @classmethod
    def from_settings(cls, settings: Settings, *, run: Run = _run) -> "CodeWhisperer":
        """The service as configured by the settings; ``run`` as for the class."""
        return cls(
            Client(
                connections=settings.kiro_max_streams,
                connect_timeout=settings.kiro_connect_timeout,
                user_agent=USER_AGENT,
                proxy=settings.kiro_upstream_proxy or "",
            ),
            HostChoice(
                settings.kiro_api_url,
                settings.kiro_region,
                share_content=settings.kiro_share_content,
            ),
            idle=settings.kiro_idle_timeout,
            max_answer_bytes=settings.kiro_max_answer_bytes,
            ping=settings.kiro_ping_interval,
            quiet_end=settings.kiro_quiet_end or inf,
            max_tool_description=settings.max_tool_description_length,
            max_image_bytes=settings.kiro_max_image_bytes,
            run=run,
        )

    def _find_profile(self, token: AccessToken) -> str | None:
        return self.control.find_profile(token.access_token, token.kind, token.region)

    def open(
        self, conversation: Conversation, model: Model, tap: Tap | None = None
    ) -> "CodeWhispererCall":
        """Create a call without sending it; ``tap`` is shown its bytes."""
        return CodeWhispererCall(self, conversation, model, tap)


class CodeWhispererCall:
    """One conversation with the service: an :class:`app.upstream.UpstreamCall`."""

    def __init__(
        self,
        service: CodeWhisperer,
        conversation: Conversation,
        model: Model,
        tap: Tap | None = None,
    ) -> None:
        self._service = service
        self._tap = tap
        self._conversation = conversation
        self._model = model
        self._family = family(model.current_id)
        self._own, self._has_foreign = own_reasoning(conversation, self._family)
        self._conversation_id = conversation_id(conversation.session)
        self._token: AccessToken | None = None
        self._course: Course | None = None
        self._applied: list[Applied] = []
        self._has_other_profile = False
        self._rendered: RenderedRequest | None = None
        self._response: ResponseStream | None = None
        self._headers: Mapping[str, str] | None = None
        self._decoder = EventDecoder()
        self._ended_quietly = False
        self._batches: Iterator[Sequence[Event]] = iter(())

    @property
    def repairs(self) -> tuple[str, ...]:
        rendered, course = self._rendered, self._course
        return (*rendered.repairs, *course.repairs) if rendered and course else ()

    @property
    def ignored(self) -> tuple[str, ...]:
        return self._rendered.ignored if self._rendered else ()

    def send(self, token: AccessToken, deadline: float) -> None:
        """A new account, and one whose region has been found, starts with the host that answered
        last in its region. Other retries use the host that this call has fallen back to.
        """
        last, self._token = self._token, token
        if self._course is None or not last or _place(token) != _place(last):
            self._course = self._start(token)
        self.close()
        self._headers = None
        self._send(token, self._course, deadline)

    def _start(self, token: AccessToken) -> Course:
        """The course for an account: with the remedies that helped before, and those of this call
        that do not depend on the account.
        """
        host = self._service.hosts.first(token.region)
        course = Course(
            self._own,
            self._model,
            host,
            self._service.profiles.first(host, token),
            self._service.max_tool_description,
            ("drop-foreign-thinking",) if self._has_foreign else (),
        )
        kept = [one for one in self._applied if one.remedy.scope == "conversation"]
        keys = [self._key(scope, token) for scope in _SCOPES]
        known = self._service.memory.recall(keys)
        self._applied, self._has_other_profile = kept, False
        for remedy, detail in dict.fromkeys((*known, *kept)):
            course = remedy.apply(course, detail, self._service.hosts)
        return course

    def _key(self, scope: Scope, token: AccessToken) -> Hashable:
        """What a remedy of this scope is remembered for."""
        if scope == "conversation":
            return self._conversation_id
        return (token.account, self._model.id) if scope == "model" else (token.account,)

    def _send(self, token: AccessToken, course: Course, deadline: float) -> None:
        rendering = partial(
            render,
            course.conversation,
            host=course.host,
            model=course.model,
            profile_arn=course.profile_arn,
            conversation_id=self._conversation_id,
            max_description=course.max_description,
            max_image_bytes=self._service.max_image_bytes,
            earlier_documents=course.earlier_documents,
        )
        rendered = self._rendered = self._service.run(_work(self._conversation), rendering)
        url, headers = course.host.chat_endpoint()
        headers |= authorization(token.access_token, token.kind)
        left = max(deadline - monotonic(), 0.001)
        response = self._service.client.open(
            url, headers, rendered.body, timeout=left, tap=self._tap
        )
        self._response, self._headers = response, response.headers
        if course.is_usual_host:
            self._service.hosts.worked(course.host)
        response.limit(
            tick=inf,
            idle=self._service.idle,
            deadline=deadline,
            setting="KIRO_FIRST_EVENT_TIMEOUT",
            most=self._service.max_answer_bytes,
        )
        tail = self._service.tails[course.host.generation]
        self._decoder = EventDecoder(rendered.tool_names, tail)
        batches = event_batches(response, self._decoder, quiet=self._service.quiet_end)
        self._batches = tagged(batches, self._family)

    def fall_back(self, error: GatewayError) -> bool:
        """Switch to the next older generation of hosts if this host cannot be reached or does not
        know the operation; else change what :data:`.remedies.REMEDIES` says.
        """
        course, token, hosts = self._course, self._token, self._service.hosts
        if course is None or token is None:
            return False
        if error.code in OLDER_HOST:
            older = hosts.older(course.host)
            self._course = replace(course, host=older or course.host)
            return older is not None
        if self._other_profile(error, course, token):
            return True
        tried = frozenset(applied.remedy.name for applied in self._applied)
        found = choose(course, error, hosts, tried)
        if found is None:
            name_documents(error, self._rendered.documents if self._rendered else ())
            return False
        self._applied.append(found)
        self._course = found.remedy.apply(course, found.detail, hosts)
        return True

    def _other_profile(self, error: GatewayError, course: Course, token: AccessToken) -> bool:
        """Name another profile, of whose region the host then is, if this error calls for that."""
        if self._has_other_profile:
            return False
        profile = self._service.profiles.another(error, course.host, token, course.profile_arn)
        if profile is None:
            return False
        self._has_other_profile = True
        region, host = region_of(profile), course.host
        if region is not None and region != host.region:
            host = self._service.hosts.first(region)
        self._course = replace(course, profile_arn=profile, host=host)
        return True

    def _learn(self, token: AccessToken) -> None:
        """Remember the remedies after which the service answered."""
        for applied in self._applied:
            if self._service.memory.learn(self._key(applied.remedy.scope, token), applied):
                log.warning(
                    "account %s, model %s: the upstream refused a request and took it with the"
                    " remedy %s, which is now used first for %d minutes.",
                    token.account,
                    self._model.id,
                    ": ".join(filter(None, (applied.remedy.name, applied.detail))),
                    SECONDS / 60,
                )

    def batches(self) -> Iterator[Sequence[Event]]:
        return self._batches

    def answering(self, *, deadline: float) -> None:
        if self._token is not None:
            self._learn(self._token)
        if self._response is not None:
            self._response.limit(
                tick=self._service.ping,
                idle=self._service.idle,
                deadline=deadline,
                setting="KIRO_TOTAL_TIMEOUT",
                most=self._service.max_answer_bytes,
            )

    def facts(self) -> dict[str, Any]:
        """``host``: its generation. ``upstream_id``: the service's id of the request. ``skipped``:
        how often parts of the answer were left out, by name. ``refusal``: why it was declined.
        ``quiet_end``: silence ended it.
        """
        facts: dict[str, Any] = {}
        if self._course is not None:
            facts["host"] = self._course.host.generation
        if self._headers is not None:
            facts["upstream_id"] = upstream_id(self._headers)
        if self._decoder.skipped:
            facts["skipped"] = dict(self._decoder.skipped)
        if self._decoder.refusal is not None:
            facts["refusal"] = self._decoder.refusal.category or "not named"
        if self._ended_quietly:
            facts["quiet_end"] = True
        return facts

    def close(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            self._ended_quietly = response.ended_quietly
            response.close()


def _place(token: AccessToken) -> tuple[str, str | None]:
    """What a course depends on: the account, and its region once that has been found."""
    return token.account, token.region


_SCOPES: tuple[Scope, ...] = ("account", "model", "conversation")


def _work(conversation: Conversation) -> int:
    """The size of a request, its schemas counted three times: they take longer than texts."""
    return conversation.size + 2 * sum(len(tool.schema_json) for tool in conversation.tools)


def conversation_id(session: str) -> str:
    """The same id for all turns of a session, or a random one if the client sent no session. The
    service keeps no history under it either way.
    """
    return str(uuid5(NAMESPACE_URL, f"kiro2api:{session}") if session else uuid4())
