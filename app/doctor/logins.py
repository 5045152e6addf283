"""The accounts: where their logins come from, who else can read them, and whether they work."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path

from app.client_setup import banner
from app.common.errors import GatewayError
from app.common.program import command
from app.credentials import CONDITIONS, AccountReport, Condition, Credentials, advice
from app.settings import Settings, setting_fields, variable

from .finding import Finding, ok, problem, warning

_LOW = 0.1  # of a quota
_REFRESH = f"`{command()} doctor --refresh` tries the login, without cost"


def missing(error: GatewayError) -> Iterator[Finding]:
    """There is no login."""
    ways = [f"{what} ({kind})" for what, kind in banner.ways_to_log_in()]
    advice = "\n- ".join(["do one of these", *ways, banner.ELSEWHERE])
    yield problem("login", error.message, "no request can be answered", advice)


def accounts(credentials: Credentials, *, refresh: bool) -> Iterator[Finding]:
    """A finding for each account and its quota. ``refresh``: get a new token where one is due."""
    credentials.sync()
    if refresh:
        credentials.check()
    else:
        credentials.ask_quotas(older_than=0)
    for text in credentials.problems():
        means = "requests may still work, with another login"
        yield warning("login", text, means, "repair what is named")
    for one in credentials.report():
        yield _account(one)
        yield from _quota(one)


def files(settings: Settings) -> Iterator[Finding]:
    """The files with secrets, and whether other users can read them."""
    auth = settings.kiro_auth_token or ""
    named = [*settings.secret_files.values(), settings.kiro_token_file, Path(".env")]
    named += [Path(auth).expanduser()] if auth and auth[0] not in "[{" else []
    safe = 0
    for path in dict.fromkeys(named):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & 0o077 and (path.name != ".env" or _holds_secret(settings)):
            text = f"{path} has the mode {mode:04o}"
            means = "other users of this machine can read your login or key"
            yield warning("files", text, means, f"chmod 600 {path}")
        else:
            safe += 1
    if safe:
        yield ok("files", f"{safe} file(s) with secrets, which only their owner can read")


def _holds_secret(settings: Settings) -> bool:
    """Whether any of them comes from ``.env``."""
    secret = [variable(item) for item in setting_fields() if item.metadata["secret"]]
    return any(settings.origins.get(name, "").startswith(".env") for name in secret)


def _account(one: AccountReport) -> Finding:
    name = f"{one.account} ({one.source}, {one.kind}): {one.said}"
    profile = (one.profile_arn or "no profile").rpartition("/")[2]
    where = f", region {one.region}" if one.region else ""
    means = f"the account {CONDITIONS[one.state].meaning}"
    if one.why:
        means += f": {one.why}"
    what = advice(one.state, one.account)
    if one.state is Condition.UNREACHABLE:
        what = "see what is said of the proxy, the hosts and the clock"
    if CONDITIONS[one.state].is_bad:
        level = warning if one.usable and one.state is not Condition.QUOTA_USED_UP else problem
        return level("login", name, means, what)
    if one.state is not Condition.READY:
        what = "wait a moment" if one.state is Condition.THROTTLED else _REFRESH
        return warning("login", name, means, what)
    return ok("login", f"{name}, {_expiry(one)}, {profile}{where}")


def _expiry(one: AccountReport) -> str:
    if not one.expires_at:
        return "does not expire" if one.kind == "api_key" else "its expiry is unknown"
    return f"token for {max(0, round((one.expires_at - time.time()) / 60))} more min"


def _quota(one: AccountReport) -> Iterator[Finding]:
    quota = one.quota
    if quota is None:
        if not CONDITIONS[one.state].is_bad:
            means = "nobody sees when the credits are used up"
            text = f"{one.account}: unknown: {one.quota_problem}"
            yield warning("quota", text, means, _REFRESH)
        return
    text = f"{one.account}: {quota.used:g} of {quota.limit:g} credits used"
    left = quota.limit - quota.used
    if left <= 0:
        means = "requests of this account fail until the quota resets"
        yield problem("quota", text, means, "wait, buy more, or add an account")
    elif left < _LOW * quota.limit:
        means = f"{left:g} are left"
        yield warning("quota", text, means, "use them with care, or add an account")
    else:
        yield ok("quota", text)
