"""A failure's texts fit into an answer and a line of the log."""

from app.errors import LONGEST_MESSAGE, LONGEST_NAME, GatewayError, Kind, shortened


def test_what_a_failure_quotes_is_shortened() -> None:
    error = GatewayError(
        Kind.PERMISSION,
        f"model: {'m' * 5_000_000} may not be used.",
        field="f" * 999,
        code="c" * 999,
    )
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.message.startswith("model: mmm")
    assert error.message.endswith("mmm may not be used.")
    assert "characters ...]" in error.message
    assert str(error) == error.message
    assert len(error.field) <= LONGEST_NAME
    assert len(error.code) <= LONGEST_NAME


def test_what_is_known_only_later_is_added() -> None:
    error = GatewayError(Kind.REJECTED, "No.", field="a")
    error.add("It is the first.")
    assert (str(error), error.message, error.field) == ("No. It is the first.",) * 2 + ("a",)
    error.add("x" * LONGEST_MESSAGE, field="b")
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.field == "b"


def test_what_fits_is_kept() -> None:
    assert shortened("a" * 50, 50) == "a" * 50
    assert shortened("a" * 51, 50) == "aaaaa[... 41 characters ...]aaaaa"
