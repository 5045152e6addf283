"""What a request that is over adds to the figures."""

from collections.abc import Callable
from functools import cached_property, lru_cache

from app.common.finished import Finished

from . import table
from .labels import Label
from .store import Cell, Distribution, Store

OPERATION, PROVIDER = "chat", "kiro"
"""``gen_ai.operation.name`` and ``gen_ai.provider.name`` of every request."""

MOST_ALIKE = 1000
"""Requests of so many sorts find their figures together; those of others are looked up anew."""


class RequestFigures:
    """An observer of requests (:data:`app.common.finished.Observer`). ``is_model(id)``: whether
    there is such a model; clients may ask for any name.
    """

    def __init__(self, store: Store, is_model: Callable[[str], bool]) -> None:
        self._store = store
        self._model = Label(is_model)
        self._key, self._repair, self._ignored = Label(), Label(), Label()
        self._category = Label()
        self._alike = lru_cache(MOST_ALIKE)(self._figures)

    def __call__(self, finished: Finished) -> None:
        model, key = self._model(finished.model), self._key(finished.key)
        alike = self._alike(finished.dialect, model, finished.status, finished.error, key)
        alike.requests.add()
        for name in finished.repairs:
            self._store.cell(table.REPAIRS, self._repair(name)).add()
        for name in finished.ignored:
            self._store.cell(table.IGNORED, self._ignored(name)).add()
        if finished.called_model:
            alike.count_answer(finished)
            if (category := finished.facts.get("refusal")) is not None:
                self._store.cell(table.REFUSALS, self._category(category)).add()

    def _figures(self, dialect: str, model: str, status: int, error: str, key: str) -> "_Alike":
        error = error or "none"
        requests = self._store.cell(table.REQUESTS, dialect or "none", model, str(status), error)
        return _Alike(self._store, requests, model, error, key)


class _Alike:
    """Those of requests with the same labels. Each is made when it is first needed, so that there
    are none of what never was.
    """

    def __init__(self, store: Store, requests: Cell, model: str, error: str, key: str) -> None:
        self.requests = requests
        self._store = store
        self._model, self._error, self._key = model, error, key
        self._generated = OPERATION, PROVIDER, model

    def count_answer(self, finished: Finished) -> None:
        self.duration.observe(finished.total)
        if finished.first_event is not None:
            self.first_event.observe(finished.first_event)
        if finished.longest_gap is not None:
            self.longest_gap.observe(finished.longest_gap)
        if finished.attempts > 1:
            self.retries.add(finished.attempts - 1)
        if finished.credits:
            self.credits.add(finished.credits)
        self._count_tokens(finished)

    def _count_tokens(self, finished: Finished) -> None:
        new, output = finished.input_tokens, finished.output_tokens
        read, written = finished.cache_read_tokens, finished.cache_write_tokens
        if new:
            self.new_input.add(new)
        if output:
            self.output.add(output)
        if read:
            self.cache_read.add(read)
        if written:
            self.cache_write.add(written)
        self.input_sizes.observe(new + read + written)
        self.output_sizes.observe(output)

    @cached_property
    def duration(self) -> Distribution:
        return self._store.distribution(table.DURATION, *self._generated, self._error)

    @cached_property
    def first_event(self) -> Distribution:
        return self._store.distribution(table.FIRST_EVENT, *self._generated)

    @cached_property
    def longest_gap(self) -> Distribution:
        return self._store.distribution(table.LONGEST_GAP, self._model)

    @cached_property
    def retries(self) -> Cell:
        return self._store.cell(table.RETRIES, self._model)

    @cached_property
    def credits(self) -> Cell:
        return self._store.cell(table.CREDITS, self._key, self._model)

    @cached_property
    def new_input(self) -> Cell:
        return self._tokens("input")

    @cached_property
    def output(self) -> Cell:
        return self._tokens("output")

    @cached_property
    def cache_read(self) -> Cell:
        return self._tokens("cache_read")

    @cached_property
    def cache_write(self) -> Cell:
        return self._tokens("cache_write")

    @cached_property
    def input_sizes(self) -> Distribution:
        return self._store.distribution(table.TOKEN_USAGE, *self._generated, "input")

    @cached_property
    def output_sizes(self) -> Distribution:
        return self._store.distribution(table.TOKEN_USAGE, *self._generated, "output")

    def _tokens(self, kind: str) -> Cell:
        return self._store.cell(table.TOKENS_USED, self._key, self._model, kind)
