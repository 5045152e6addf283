"""What a request that is over adds to the figures."""

from collections.abc import Callable

from app.common.finished import Finished

from . import table
from .labels import Label
from .store import Store

OPERATION, PROVIDER = "chat", "kiro"
"""``gen_ai.operation.name`` and ``gen_ai.provider.name`` of every request."""


class RequestFigures:
    """An observer of requests (:data:`app.common.finished.Observer`). ``is_model(id)``: whether
    there is such a model; clients may ask for any name.
    """

    def __init__(self, store: Store, is_model: Callable[[str], bool]) -> None:
        self._store = store
        self._model = Label(is_model)
        self._key, self._repair, self._ignored = Label(), Label(), Label()
        self._category = Label()

    def __call__(self, finished: Finished) -> None:
        cell = self._store.cell
        model = self._model(finished.model)
        dialect, error = finished.dialect or "none", finished.error or "none"
        cell(table.REQUESTS, dialect, model, str(finished.status), error).add()
        for name in finished.repairs:
            cell(table.REPAIRS, self._repair(name)).add()
        for name in finished.ignored:
            cell(table.IGNORED, self._ignored(name)).add()
        if finished.called_model:
            self._count_answer(finished, model, error)

    def _count_answer(self, finished: Finished, model: str, error: str) -> None:
        store, generated = self._store, (OPERATION, PROVIDER, model)
        store.distribution(table.DURATION, *generated, error).observe(finished.total)
        if finished.first_event is not None:
            store.distribution(table.FIRST_EVENT, *generated).observe(finished.first_event)
        if finished.longest_gap is not None:
            store.distribution(table.LONGEST_GAP, model).observe(finished.longest_gap)
        if finished.attempts > 1:
            store.cell(table.RETRIES, model).add(finished.attempts - 1)
        if (category := finished.facts.get("refusal")) is not None:
            store.cell(table.REFUSALS, self._category(category)).add()
        key = self._key(finished.key)
        if finished.credits:
            store.cell(table.CREDITS, key, model).add(finished.credits)
        self._count_tokens(finished, key, model)

    def _count_tokens(self, finished: Finished, key: str, model: str) -> None:
        store, generated = self._store, (OPERATION, PROVIDER, model)
        used = {
            "input": finished.input_tokens,
            "output": finished.output_tokens,
            "cache_read": finished.cache_read_tokens,
            "cache_write": finished.cache_write_tokens,
        }
        for kind, count in used.items():
            if count:
                store.cell(table.TOKENS_USED, key, model, kind).add(count)
        entered = sum(used.values()) - finished.output_tokens
        usage = table.TOKEN_USAGE
        store.distribution(usage, *generated, "input").observe(entered)
        store.distribution(usage, *generated, "output").observe(finished.output_tokens)
