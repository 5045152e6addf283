"""What the tokens of a model cost on average, by the answers whose price the service has named."""

MEMORY = 10_000_000
"""Tokens of a model after which half of what is known of it is forgotten, since prices change."""


class Prices:
    """The prices of one worker, in micro-credits."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}  # micro-credits and tokens, by model

    def note(self, model: str, micro_credits: int, tokens: int) -> None:
        """An answer of the model cost this."""
        before, known = self._known.get(model, (0, 0))
        spent, counted = before + micro_credits, known + tokens
        if counted > MEMORY:
            spent, counted = spent // 2, counted // 2
        self._known[model] = spent, counted

    def estimate(self, model: str, tokens: int) -> int:
        """What so many tokens of the model cost; 0 if no price of it is known yet."""
        spent, counted = self._known.get(model, (0, 0))
        return spent * tokens // counted if counted else 0
