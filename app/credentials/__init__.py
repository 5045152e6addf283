"""Credentials: where logins come from, how they stay fresh, and which account serves a request.

The rest of the app imports only the names below, and the command line also ``commands``.
"""

from .accounts.condition import CONDITIONS, Condition, advice
from .accounts.readiness import NO_LOGIN
from .accounts.report import AccountReport
from .accounts.state import ControlPlane
from .assembly import check_store, sign_in_url
from .model import AuthKind, Token
from .pool import Credentials
from .request_token import RequestToken
from .sources.chain import is_configured

__all__ = [
    "CONDITIONS",
    "NO_LOGIN",
    "AccountReport",
    "AuthKind",
    "Condition",
    "ControlPlane",
    "Credentials",
    "RequestToken",
    "Token",
    "advice",
    "check_store",
    "is_configured",
    "sign_in_url",
]
