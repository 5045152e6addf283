"""Identities: random ones, and those that a name always has.

:mod:`uuid` makes the same, and objects around them that nothing here needs.
"""

from hashlib import sha1
from os import urandom
from uuid import NAMESPACE_URL

_NAMESPACE = NAMESPACE_URL.bytes


def random_id() -> str:
    """32 hexadecimal digits that nobody can guess."""
    return urandom(16).hex()


def named_id(name: str) -> str:
    """The UUIDv5 of a name, in the namespace of URLs (RFC 9562, section 5.5)."""
    digest = bytearray(sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # the version
    digest[8] = digest[8] & 0x3F | 0x80  # the variant
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
