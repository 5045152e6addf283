"""Credentials: where they come from, keeping them fresh, and which account serves a request."""

from .model import AuthKind, Token
from .pool import Credentials

__all__ = ["AuthKind", "Credentials", "Token"]
