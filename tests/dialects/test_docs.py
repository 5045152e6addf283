"""``docs/dialects.md`` says what the dialects are."""

from pathlib import Path

from tests.dialects.render import document

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "run `make docs`"
