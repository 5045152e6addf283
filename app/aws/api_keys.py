"""API keys of Kiro accounts."""

import re

AN_API_KEY = "an API key of Kiro, ksk_ and at least 16 letters, digits, _ or -"
"""What an API key must be, for error messages and descriptions."""

_API_KEY = re.compile(r"ksk_[A-Za-z0-9_-]{16,}")


def is_api_key(text: str) -> bool:
    """Whether ``text`` has the form of a key that app.kiro.dev issues."""
    return _API_KEY.fullmatch(text) is not None
