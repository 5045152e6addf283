"""How a setting is declared."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from .values import Value


def setting(
    group: str,
    value: Value,
    default: str,
    meaning: str,
    *,
    secret: bool = False,
    compute: Callable[[], Any] | None = None,
) -> Any:
    """A field of :class:`app.settings.Settings`. ``default`` is text as a user would write it, ""
    for no default. With ``compute``, that function gives the default and ``default`` only describes
    it.
    """
    return field(
        default_factory=compute or (lambda: value.parse(default) if default else value.unset),
        repr=not secret,
        metadata={
            "group": group,
            "value": value,
            "default": default,
            "meaning": meaning,
            "secret": secret,
            "computed": compute is not None,
        },
    )
