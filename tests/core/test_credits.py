import json

import pytest

from app.core.credits import micro, number, rounded, text


@pytest.mark.parametrize(
    ("amount", "exact", "short"),
    [
        (0, "0", "0.00"),
        (1, "0.000001", "<0.01"),
        (micro(0.1) + micro(0.2), "0.3", "0.30"),
        (micro(1000), "1000", "1000.00"),
        (12_345_678, "12.345678", "12.35"),
    ],
)
def test_credits_have_no_binary_fractions(amount: int, exact: str, short: str) -> None:
    assert text(amount) == exact
    assert rounded(amount) == short
    assert float(json.dumps(number(amount))) == float(exact)
    assert len(json.dumps(number(amount))) <= len(exact) + 2
