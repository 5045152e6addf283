"""The application with one address more that may be asked: that of the tests' server of files.

No setting opens loopback to clients; only this module, which the gateway's wheel does not have.
"""

from app.fetching import addresses
from app.wsgi import app

__all__ = ["app"]

_is_public = addresses.is_public
addresses.is_public = lambda address: address == "127.0.0.1" or _is_public(address)
