"""One model of the simulated service, as its row of ListAvailableModels states it."""

from dataclasses import dataclass
from typing import Any

_WINDOW_OF_A_BARE_ROW = 1_000_000


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """One model. `row` is its entry in a ListAvailableModels response, sent as it is.

    Every member of the row but `modelId` may be missing, null, or of another type: the properties
    then have the value of a model about which the row says nothing.
    """

    row: dict[str, Any]

    @property
    def id(self) -> str:
        """The id in requests."""
        return str(self.row.get("modelId"))

    @property
    def family(self) -> str:
        """The first word of the id, such as `claude` or `gpt`: who can read its thinking."""
        return self.id.partition("-")[0]

    @property
    def window(self) -> int:
        """The context window in tokens."""
        limits = self.row.get("tokenLimits")
        window = limits.get("maxInputTokens") if isinstance(limits, dict) else None
        return window if isinstance(window, int) else _WINDOW_OF_A_BARE_ROW

    @property
    def rate(self) -> float:
        """Credits relative to a model of rate 1."""
        rate = self.row.get("rateMultiplier")
        return rate if isinstance(rate, int | float) else 1.0

    @property
    def reads_files(self) -> bool:
        """Whether the model reads anything but text, as far as its row tells.

        The list of inputs names no documents for any model; one that lists text alone is taken to
        read none.
        """
        return self.row.get("supportedInputTypes") != ["TEXT"]

    @property
    def fields_schema(self) -> dict[str, Any] | None:
        """The JSON Schema of `additionalModelRequestFields`; None if the model takes none."""
        schema = self.row.get("additionalModelRequestFieldsSchema")
        return schema if isinstance(schema, dict) else None
