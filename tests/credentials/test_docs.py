"""The table of consequences in the documentation matches the code."""

import re
from pathlib import Path

from app.credentials import Condition
from app.credentials.health import CONSEQUENCES, Failover

TEXT = (Path(__file__).parents[2] / "docs" / "credentials.md").read_text(encoding="utf-8")
MODES = {"": "stays", "last": "is used last", "parked": "is parked", "out": "is out"}
OTHERS = {Failover.ONE: "one other account", Failover.ALL: "the next account, and so on"}


def test_every_condition_of_an_account_is_there() -> None:
    _, _, states = TEXT.partition("| State | The account")
    rows = re.findall(r"^\| `([\w ]+)` \|", states.partition("\n\n")[0], re.MULTILINE)
    assert rows == [condition.value for condition in Condition]


def test_each_row_says_what_the_code_does() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\|(.*\|.*)\|$", TEXT, re.MULTILINE))
    assert rows.keys() == {kind.value for kind in CONSEQUENCES}
    for kind, consequence in CONSEQUENCES.items():
        assert OTHERS[consequence.failover] in rows[kind.value]
        if kind.value != "throttled":  # parked or used last
            assert MODES[consequence.mode] in rows[kind.value]
