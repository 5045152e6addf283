"""What a client's key allows: which models, how many requests a minute, how many answers at once.

Each worker counts for itself and takes its share of a limit, ``limit / WEB_CONCURRENCY`` rounded
up; the requests of a minute are counted exactly, by all workers of all hosts together, where
``KIRO_TOKEN_STORE`` names a Redis. A minute is any sixty seconds and not that of a clock.

Counted is what asks for an answer of a model; the rest costs nothing and is not limited.
"""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from math import ceil
from time import time
from typing import NamedTuple, Protocol

from flask import Flask, Response, g, request

from app.core.headers import Headers
from app.errors import GatewayError, Kind
from app.models.names import Resolution

from .key_file import ClientKey

Tell = Callable[[int, int, float], dict[str, str]]
"""A dialect's headers for a limit, what remains of it, and when the next of it is free again, in
seconds since the epoch."""


class Standing(NamedTuple):
    """``remaining`` of ``limit`` requests, after this one if it was ``allowed``; ``reset`` is when
    the oldest of the minute is forgotten, in seconds since the epoch."""

    allowed: bool
    limit: int
    remaining: int
    reset: float


class Rates(Protocol):
    """Counts the requests of a minute."""

    def hit(self, key: ClientKey, limit: int) -> Standing:
        """Count one if the limit allows it."""


class KeyLimits:
    """The limits of all keys, in one worker."""

    def __init__(
        self,
        rates: Rates | None,
        *,
        workers: int,
        resolve: Callable[[str], Resolution],
    ) -> None:
        """``rates`` is needed once a key has a limit per minute: None where no key can have one."""
        self._rates = rates
        self._workers = workers
        self._resolve = resolve
        self._in_progress: Counter[str] = Counter()
        self._allowed = lru_cache(maxsize=1000)(self._ids)

    def enter(self, key: ClientKey, model: str) -> Callable[[], object]:
        """Let a request for an answer pass; call what this gives, once, when the answer is over.

        Raises GatewayError: PERMISSION for a model that the key may not use, KEY_LIMITED beyond
        its limits.
        """
        self._check_model(key, model)
        leave = self._take_stream(key)
        try:
            self._count(key)
        except BaseException:
            leave()
            raise
        return leave

    def may_use(self, key: ClientKey, model: str) -> bool:
        """Whether the key allows the model that a client's name for one comes to."""
        return key.models is None or self._resolve(model).model.id in self._allowed(key.models)

    def _ids(self, names: tuple[str, ...]) -> set[str]:
        return {one.model.id for one in map(self._resolve, names) if is_meant(one)}

    def _check_model(self, key: ClientKey, model: str) -> None:
        if self.may_use(key, model):
            return
        resolved = self._resolve(model).model.id
        meant = "" if resolved == model else f" (which is {resolved!r} here)"
        raise GatewayError(
            Kind.PERMISSION,
            f"model: the client key {key.name!r} may not use {model!r}{meant}; it may use "
            f"{', '.join(key.models or ())}.",
            field="model",
        )

    def _take_stream(self, key: ClientKey) -> Callable[[], object]:
        limit = key.concurrent_streams
        if limit is None:
            return _nothing
        share = ceil(limit / self._workers)
        if self._in_progress[key.sha256] >= share:
            raise GatewayError(
                Kind.KEY_LIMITED,
                f"The client key {key.name!r} has as many answers in progress as it may: {share}"
                f"{_of(share, limit)}. Try again when one has ended.",
                retry_after=1,
            )
        self._in_progress[key.sha256] += 1
        return partial(self._leave, key.sha256)

    def _leave(self, identity: str) -> None:
        self._in_progress[identity] -= 1
        if not self._in_progress[identity]:
            del self._in_progress[identity]

    def _count(self, key: ClientKey) -> None:
        limit = key.requests_per_minute
        if limit is None:
            return
        if self._rates is None:
            raise TypeError("a key with a limit per minute needs what counts it")
        standing = g.key_standing = self._rates.hit(key, limit)
        if not standing.allowed:
            seconds = ceil(standing.reset - time()) or 1
            raise GatewayError(
                Kind.KEY_LIMITED,
                f"The client key {key.name!r} has used up its {standing.limit} requests per minute"
                f"{_of(standing.limit, limit)}. Try again in {seconds} s.",
                retry_after=seconds,
            )


def is_meant(resolution: Resolution) -> bool:
    """Whether the name is the model's; one that is not known comes to the default model."""
    return resolution.matched or resolution.model.id == resolution.name


def _nothing() -> None:
    """A key without such a limit has nothing to give back."""


def _of(share: int, limit: int) -> str:
    return "" if share == limit else f" (this worker's part of {limit})"


def install(app: Flask, tell: Callable[[str, Headers], Tell]) -> None:
    """``tell(path, headers)`` gives the words of the dialect that a request speaks."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        standing: Standing | None = g.get("key_standing")
        if standing is not None:
            words = tell(request.path, request.headers)
            response.headers.update(words(standing.limit, standing.remaining, standing.reset))
        return response
