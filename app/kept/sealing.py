"""How kept values are named and encrypted: nobody without the key learns whose they are, or what.

A name is an HMAC of owner and identity; a value is compressed and sealed with AES-256-GCM, and
bound to its name. Both keys are derived from one secret, for this purpose alone.
"""

import hmac
import os
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES = 32
_PURPOSE = b"kiro2api: kept responses"
_NONCE = 12
_FAST = 1  # the level of compression; conversations shrink to a third or less


class Sealer:
    """Names and seals values with keys derived from ``secret``."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "<Sealer>"

    def name(self, owner: str, identity: str) -> bytes:
        """32 bytes that are the same for the same owner and identity."""
        return hmac.digest(self._keys.naming, f"{owner}\0{identity}".encode(), "sha256")

    def seal(self, name: bytes, content: bytes) -> bytes:
        """What :meth:`open` reads under the same name."""
        nonce = os.urandom(_NONCE)
        return nonce + self._keys.cipher.encrypt(nonce, zlib.compress(content, _FAST), name)

    def open(self, name: bytes, sealed: bytes) -> bytes | None:
        """The content; None if it was not sealed under this name with this key."""
        try:
            return zlib.decompress(
                self._keys.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name)
            )
        except (self._keys.invalid, ValueError):
            return None

    @cached_property
    def _keys(self) -> "_Keys":
        """Derived at first use: the package is 6 MB that a worker without such requests saves."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        keys = HKDF(SHA256(), 64, salt=None, info=_PURPOSE).derive(self._secret)
        return _Keys(keys[:32], AESGCM(keys[32:]), InvalidTag)


class _Keys(NamedTuple):
    naming: bytes
    cipher: "AESGCM"
    invalid: type[Exception]

    def __repr__(self) -> str:
        return "<keys>"
