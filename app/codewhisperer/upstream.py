"""CodeWhisperer as an upstream of the gateway: the public interface of this package. It implements
the protocols in :mod:`app.upstream`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from time import monotonic
from typing import Any, TypeAlias, get_args

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from app.common import trace_context
from app.common.errors import GatewayError
from app.core.conversation import Conversation, WebPage
from app.core.differences import repair
from app.core.events import Event
from app.core.explanation import Repair, Watch
from app.models.model import Generation, Model
from app.settings import Settings
from app.upstream import AccessToken, Prepared, Tap
from app.version import __version__

from .answer.batches import event_batches
from .answer.decoder import EventDecoder
from .answer.ending import Tail
from .attempts import Attempts, Guides
from .client import Client, ResponseStream, host_name
from .conversation_ids import NO_IDS, conversation_ids
from .memory import Memory
from .remedies import Course
from .request.render import RenderedRequest, render
from .request.repair.attachments import MAX_IMAGE_BYTES
from .request.sent_documents import name_documents
from .service.errors import upstream_id
from .service.hosts import HostChoice, authorization
from .service.news import tell
from .service.operations import ControlPlane
from .service.profiles import ProfileChoice
from .signatures import family, own_reasoning, tagged
from .web_search import WebSearches

USER_AGENT = f"kiro2api/{__version__}"

FOREIGN_THINKING = "drop-foreign-thinking"
REMOVED = Raw(b'"(removed)"')
"""In a request that is shown, in place of the profile's ARN."""

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
        profiles = ProfileChoice(self._find_profile)
        self.guides = Guides(hosts, profiles, Memory(monotonic))
        self._web_searches = WebSearches(client, hosts, profiles)
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

    def search_web(self, query: str, token: AccessToken, deadline: float) -> Sequence[WebPage]:
        """The pages for a query, the best first. Raises GatewayError."""
        return self._web_searches.find(query, token, deadline)


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
        self._own = conversation  # as the model is asked, and by which ids, once it is asked
        self._ids = NO_IDS
        self._attempts: Attempts | None = None
        self._rendered: RenderedRequest | None = None
        self._response: ResponseStream | None = None
        self._headers: Mapping[str, str] | None = None
        self._decoder: EventDecoder | None = None
        self._ended_quietly = False
        self._batches: Iterator[Sequence[Event]] = iter(())

    @property
    def repairs(self) -> tuple[str, ...]:
        rendered, course = self._rendered, self._course
        return (*rendered.repairs, *course.repairs) if rendered and course else ()

    @property
    def ignored(self) -> tuple[str, ...]:
        return self._rendered.ignored if self._rendered else ()

    @property
    def bounds_output(self) -> bool:
        return self._rendered is not None and self._rendered.bounds_output

    def send(self, token: AccessToken, deadline: float) -> None:
        """Each attempt is as :class:`.Attempts` says."""
        self.close()
        self._headers = None
        self._send(token, self._begin().next(token), deadline)

    def prepare(self, token: AccessToken) -> Prepared:
        made: list[Repair] = []

        def watch(name: str, before: Any, after: Any) -> None:
            made.append(repair(name, before, after))

        course = self._begin().next(token, watch)
        if FOREIGN_THINKING in course.repairs:
            made.insert(0, repair(FOREIGN_THINKING, self._conversation, self._own))
        body = msgspec.json.decode(self._render(course, watch).body, type=dict[str, Raw])
        if "profileArn" in body:
            body["profileArn"] = REMOVED
        return Prepared(
            host=host_name(course.host.chat_url),
            model=course.model.upstream_id(course.host.generation),
            request=body,
            repairs=tuple(made),
            bounds_output=self.bounds_output,
        )

    @property
    def _course(self) -> Course | None:
        """The course of the last attempt."""
        return self._attempts.course if self._attempts else None

    def _begin(self) -> Attempts:
        """The attempts of this call, which begin with the first one."""
        if self._attempts is None:
            conversation, service = self._conversation, self._service
            self._own, has_foreign = own_reasoning(conversation, self._family)
            self._ids = conversation_ids(conversation, self._family)
            self._attempts = Attempts(
                service.guides,
                self._own,
                self._model,
                conversation_id=self._ids.own,
                max_description=service.max_tool_description,
                repairs=(FOREIGN_THINKING,) if has_foreign else (),
            )
        return self._attempts

    def _render(self, course: Course, watch: Watch | None = None) -> RenderedRequest:
        rendering = partial(
            render,
            course.conversation,
            host=course.host,
            model=course.model,
            profile_arn=course.profile_arn,
            conversation_id=self._ids.own,
            continuation_id=self._ids.continuation,
            root_id=self._ids.root,
            max_description=course.max_description,
            max_image_bytes=self._service.max_image_bytes,
            earlier_documents=course.earlier_documents,
            watch=watch,
        )
        self._rendered = self._service.run(_work(self._conversation), rendering)
        return self._rendered

    def _send(self, token: AccessToken, course: Course, deadline: float) -> None:
        rendered = self._render(course)
        url, headers = course.host.chat_endpoint()
        headers |= authorization(token.access_token, token.kind)
        if (parent := trace_context.parent.get()) is not None:
            headers["traceparent"] = str(parent)
        left = max(deadline - monotonic(), 0.001)
        response = self._service.client.open(
            url, headers, rendered.body, timeout=left, tap=self._tap
        )
        self._rendered = replace(rendered, body=b"")  # it may be large, and was sent
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
        decoder = self._decoder = EventDecoder(rendered.tool_names, tail)
        batches = event_batches(response, decoder, quiet=self._service.quiet_end)
        self._batches = tagged(batches, self._family)

    def fall_back(self, error: GatewayError) -> bool:
        """Change what :class:`.Attempts` says, for one more try. If nothing is left, the error is
        final: it names the documents that it can mean.
        """
        if self._begin().change(error):
            return True
        name_documents(error, self._rendered.documents if self._rendered else ())
        return False

    def batches(self) -> Iterator[Sequence[Event]]:
        return self._batches

    def answering(self, *, deadline: float) -> None:
        self._begin().learn()
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
        if (course := self._course) is not None:
            facts["host"] = course.host.generation
        if self._headers is not None:
            facts["upstream_id"] = upstream_id(self._headers)
        if (decoder := self._decoder) is not None:
            if decoder.skipped:
                facts["skipped"] = dict(decoder.skipped)
            if decoder.refusal is not None:
                facts["refusal"] = decoder.refusal.category or "not named"
        if self._ended_quietly:
            facts["quiet_end"] = True
        return facts

    def close(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            self._ended_quietly = response.ended_quietly
            response.close()
            for name in self._decoder.skipped.unknown if self._decoder else ():
                tell("an event or a member", name)


def _work(conversation: Conversation) -> int:
    """The size of a request, its schemas counted three times: they take longer than texts."""
    return conversation.size + 2 * sum(len(tool.schema_json) for tool in conversation.tools)
