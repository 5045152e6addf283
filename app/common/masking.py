"""What looks like a secret in a text that somebody else wrote."""

TOKENS = (
    r"\b(?:aoa|aor|eyJ|ksk_|sk-)[\w+/=.:-]{8,}"  # tokens of the service, JSON web tokens, API keys
    r"|(?<=[Bb]earer )[\w+/=.:~-]{16,}"
)
"""A regular expression for access and refresh tokens and for keys, wherever a text is masked."""
