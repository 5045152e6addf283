"""Pins, and the table of what changed."""

import pytest

from clients.case import Registry
from clients.catalogue import CASES
from clients.newest import HEAD, Pin, Row, table


@pytest.mark.parametrize(
    ("registry", "requirement", "pin"),
    [
        ("npm", "@scope/name@1.2.3", Pin("npm", "@scope/name", "", "1.2.3")),
        ("npm", "plain@4.5.6-rc.1", Pin("npm", "plain", "", "4.5.6-rc.1")),
        ("pypi", "name[a,b]==7.8", Pin("pypi", "name", "[a,b]", "7.8")),
        ("pypi", "name==9", Pin("pypi", "name", "", "9")),
    ],
)
def test_a_pin_is_read_and_written(registry: Registry, requirement: str, pin: Pin) -> None:
    assert Pin.read(registry, requirement) == pin
    assert pin.at(pin.version) == requirement


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.client}-{case.api}")
def test_every_package_is_pinned(case) -> None:
    pins = [Pin.read(case.registry, requirement) for requirement in case.packages]
    assert all(pin.name and pin.version[0].isdigit() for pin in pins)


def test_the_table_has_each_change_once() -> None:
    pin = Pin("npm", "some", "", "1")
    rows = [Row(pin, "2", "Some chat: passed"), Row(pin, "2", "Some chat: passed")]
    assert table(rows) == HEAD + "| some | 1 | 2 | Some chat: passed |\n"
