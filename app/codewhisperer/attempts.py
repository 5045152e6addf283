"""The attempts of one call: what each sends, and to which host.

A call starts with the remedies that helped before (:mod:`.memory`). After a failure one thing is
changed: the host if it cannot be reached, the profile if the service wants another, else what
:mod:`.remedies` says. Each change is bounded in number, so the attempts are too.
"""

import logging
from collections.abc import Hashable
from typing import NamedTuple

from msgspec.structs import replace

from app.aws.regions import region_of
from app.common.errors import GatewayError
from app.core.conversation import Conversation
from app.core.explanation import Watch
from app.models.model import Model
from app.upstream import AccessToken

from .memory import SECONDS, Memory
from .remedies import Applied, Course, Scope, choose
from .service.error_table import OLDER_HOST
from .service.hosts import HostChoice
from .service.profiles import ProfileChoice

log = logging.getLogger("kiro2api.upstream")

_SCOPES: tuple[Scope, ...] = ("account", "model", "conversation")


class Guides(NamedTuple):
    """What all calls of a worker share: which hosts, profiles and remedies helped before."""

    hosts: HostChoice
    profiles: ProfileChoice
    memory: Memory


class Attempts:
    """Of a conversation, known by ``conversation_id``, with a model. ``repairs``: what was
    rewritten before the first attempt. ``max_description`` as for :class:`.Course`.
    """

    def __init__(
        self,
        guides: Guides,
        conversation: Conversation,
        model: Model,
        *,
        conversation_id: str,
        max_description: int,
        repairs: tuple[str, ...],
    ) -> None:
        self._hosts, self._profiles, self._memory = guides
        self._conversation = conversation
        self._model = model
        self._conversation_id = conversation_id
        self._max_description = max_description
        self._repairs = repairs
        self._token: AccessToken | None = None
        self._applied: list[Applied] = []
        self._has_other_profile = False
        self.course: Course | None = None

    def next(self, token: AccessToken, watch: Watch | None = None) -> Course:
        """The course of the next attempt. A new account, and one whose region or profile has been
        found, starts with the host that answered last in its region; other attempts use the host
        that this call has fallen back to. ``watch`` is shown what known remedies rewrite.
        """
        last, self._token = self._token, token
        if self.course is None or last is None or _place(token) != _place(last):
            self.course = self._start(token, watch)
        return self.course

    def _start(self, token: AccessToken, watch: Watch | None) -> Course:
        """With the remedies that helped before, and those of this call that do not depend on the
        account.
        """
        host = self._hosts.first(token.region)
        course = Course(
            self._conversation,
            self._model,
            host,
            self._profiles.first(host, token),
            self._max_description,
            self._repairs,
        )
        known = self._memory.recall([self._key(scope, token) for scope in _SCOPES])
        self._applied = [one for one in self._applied if one.remedy.scope == "conversation"]
        self._has_other_profile = False
        for remedy, detail in dict.fromkeys((*known, *self._applied)):
            before, course = course, remedy.apply(course, detail, self._hosts)
            if watch is not None and course.repairs != before.repairs:
                watch(course.repairs[-1], before.conversation, course.conversation)
        return self._with_profile(course, token) if course.host != host else course

    def _with_profile(self, course: Course, token: AccessToken) -> Course:
        """The course with the profile that its host wants."""
        return replace(course, profile_arn=self._profiles.first(course.host, token))

    def _key(self, scope: Scope, token: AccessToken) -> Hashable:
        """What a remedy of this scope is remembered for."""
        if scope == "conversation":
            return self._conversation_id
        return (token.account, self._model.id) if scope == "model" else (token.account,)

    def change(self, error: GatewayError) -> bool:
        """Change the course after an attempt failed with ``error``. False if nothing is left."""
        course, token = self.course, self._token
        if course is None or token is None:
            return False
        if error.code in OLDER_HOST:
            older = self._hosts.older(course.host)
            if older is not None:
                self.course = self._with_profile(replace(course, host=older), token)
            return older is not None
        return self._other_profile(error, course, token) or self._remedy(error, course, token)

    def _other_profile(self, error: GatewayError, course: Course, token: AccessToken) -> bool:
        """Name another profile, of whose region the host then is."""
        if self._has_other_profile:
            return False
        profile = self._profiles.another(error, course.host, token, course.profile_arn)
        if profile is None:
            return False
        self._has_other_profile = True
        region, host = region_of(profile), course.host
        if region is not None and region != host.region:
            host = self._hosts.first(region)
        self.course = replace(course, profile_arn=profile, host=host)
        return True

    def _remedy(self, error: GatewayError, course: Course, token: AccessToken) -> bool:
        tried = frozenset(applied.remedy.name for applied in self._applied)
        found = choose(course, error, self._hosts, tried)
        if found is None:
            return False
        self._applied.append(found)
        changed = found.remedy.apply(course, found.detail, self._hosts)
        moved = changed.host != course.host
        self.course = self._with_profile(changed, token) if moved else changed
        return True

    def learn(self) -> None:
        """Remember the remedies after which the service answered."""
        token = self._token
        if token is None:
            return
        for applied in self._applied:
            if self._memory.learn(self._key(applied.remedy.scope, token), applied):
                log.warning(
                    "account %s, model %s: the upstream refused a request and took it with the"
                    " remedy %s, which is now used first for %d minutes.",
                    token.account,
                    self._model.id,
                    ": ".join(filter(None, (applied.remedy.name, applied.detail))),
                    SECONDS / 60,
                )


def _place(token: AccessToken) -> tuple[str, str | None, str | None]:
    """What a course depends on: the account, and its region and profile once they are found."""
    return token.account, token.region, token.profile_arn
