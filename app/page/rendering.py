"""The templates, loaded when somebody looks for the first time."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.accounting.entry import Entry
from app.core.credits import rounded

from .texts import Language

PLACE = Path(__file__).parent


@cache
def environment() -> Environment:
    """The environment of all templates."""
    made = Environment(
        loader=FileSystemLoader(PLACE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., Any]] = {
        "moment": moment,
        "credits": rounded,
        "amount": amount,
        "seconds": seconds,
        "percent": lambda share: f"{share * 100:.0f} %",
        "marked": marked,
        "names": lambda text: [name for name in text.split(",") if name],
    }
    made.filters.update(filters)
    return made


def render(template: str, **values: Any) -> str:
    """The template with these values."""
    return environment().get_template(template).render(values)


@lru_cache(maxsize=1000)
def row(entry: Entry, language: Language, *, with_account: bool) -> Markup:
    """The row of a request, which is the same at each look."""
    values = {"entry": entry, "t": language, "with_account": with_account}
    return Markup(render("row.html", **values))  # nosec B704 # a template's


def moment(at: float) -> Markup:
    """A moment, in UTC; the page's script writes it in the reader's own time."""
    found = datetime.fromtimestamp(at, UTC)
    return Markup('<time datetime="{}">{}</time>').format(  # nosec B704 # escapes its arguments
        f"{found:%FT%TZ}", f"{found:%Y-%m-%d %H:%M:%S}Z"
    )


def marked(text: str) -> Markup:
    """A sentence whose parts between backticks are code; it begins with a capital."""
    parts = [Markup("<code>{}</code>" if at % 2 else "{}").format(part)  # nosec B704 # as above
             for at, part in enumerate(f"{text[:1].upper()}{text[1:]}".split("`"))]  # fmt: skip
    return Markup("").join(parts)


def amount(number: float | None) -> str:
    """A number with groups of three digits, "–" for none."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def seconds(milliseconds: float | None) -> str:
    """Milliseconds as seconds, "–" for none."""
    return "–" if milliseconds is None else f"{milliseconds / 1000:.2f} s"
