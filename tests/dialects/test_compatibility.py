"""Every field of the SDKs' request types is treated as the dialects' tables say."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.application import DIALECTS
from app.common.errors import GatewayError
from app.dialects.support import honoured, name_of, row_of
from tests.dialects.compatibility import document
from tests.dialects.compatibility_cases import CASES, SdkTypes

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
TABLES = {dialect.name: dialect.fields for dialect in DIALECTS}
case = pytest.mark.parametrize("sdk", CASES, ids=lambda sdk: sdk.name)


def difference(sdk: SdkTypes, path: str, ask: Callable[[], tuple[str, ...]]) -> str:
    """What is done with the field otherwise than its row says, "" if nothing."""
    table = TABLES[sdk.name]
    pattern = row_of(path, table)
    row = table[pattern] if pattern else honoured("")
    try:
        names = ask()
    except GatewayError as error:
        return "" if row.kind == "refused" else f"is refused: {error.message}"
    if row.kind == "refused":
        return "is not refused"
    if row.kind == "ignored":
        name = name_of(pattern, row)
        return "" if name in names else f"is ignored as {names}, not as {name}"
    found = {*re.split(r"[.\[\]]+", path)} & {*names}
    return f"is {row.kind}, but {found} is ignored" if found else ""


@case
def test_every_field_of_the_sdks_types_is_treated_as_the_table_says(sdk: SdkTypes) -> None:
    found = {
        field.path: difference(sdk, field.path, partial(sdk.ask, field)) for field in sdk.fields()
    }
    assert len(found) > 150
    assert {path: problem for path, problem in found.items() if problem} == {}


@case
def test_fields_that_the_newest_types_lack(sdk: SdkTypes) -> None:
    found = {
        path: difference(sdk, path, partial(sdk.ask_for, body, path))
        for path, body in sdk.older.items()
    }
    assert {path: problem for path, problem in found.items() if problem} == {}


@case
def test_every_row_is_of_a_field(sdk: SdkTypes) -> None:
    paths = [*(field.path for field in sdk.fields()), *sdk.older]
    used = {row_of(path, TABLES[sdk.name]) for path in paths}
    assert {*TABLES[sdk.name]} - used == set()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "run `make docs`"
