"""Where refreshed tokens are kept: the directory of this host, and Redis for several."""

import os
from collections.abc import Iterator

from app.common.errors import GatewayError
from app.settings import Settings

from .finding import Finding, ok, problem, warning


def directory(settings: Settings) -> Iterator[Finding]:
    """The directory, which is made with the first token."""
    path = settings.kiro_token_cache
    nearest = next(one for one in (path, *path.parents) if one.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        text = f"KIRO_TOKEN_CACHE: {path} cannot be written"
        means = "refreshed tokens are lost at a restart, and then a login may be over"
        advice = f"let this user write it: chown {os.geteuid()} {path}"
        yield problem("store", text, means, advice)
    elif path.exists() and path.stat().st_mode & 0o077:
        text = f"KIRO_TOKEN_CACHE: others can look into {path}"
        yield warning("store", text, "the tokens in it may be read", f"chmod 700 {path}")
    else:
        yield ok("store", f"tokens are kept in {path}")


def redis(settings: Settings) -> Iterator[Finding]:
    """The server, if one is configured."""
    if not settings.kiro_token_store:
        return
    from app.credentials import check_store

    try:
        check_store(settings)
    except GatewayError as error:
        means = "hosts do not see each other's refreshed tokens, limits and responses"
        advice = "start the server, or correct KIRO_TOKEN_STORE"
        yield problem("store", f"KIRO_TOKEN_STORE: {error.message}", means, advice)
        return
    yield ok("store", "KIRO_TOKEN_STORE answers")
    if not settings.kiro_store_key:
        means = "whoever reads that server has your tokens"
        text = "KIRO_STORE_KEY is not set: tokens are in Redis as they are"
        yield warning("store", text, means, "set KIRO_STORE_KEY on all hosts (docs/credentials.md)")
