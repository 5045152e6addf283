"""What ``serve`` prints before it listens: lines that work when they are pasted."""

from collections.abc import Iterator, Sequence

from app.common.program import columns, command
from app.models.catalogue import STATIC, Catalogue
from app.settings import Settings

from . import defaults
from .gateway import key_of, local_url

_RULE = "=" * 72
_TRY_IT = """\
Try it, once it is listening:
  curl -N {url}/v1/messages -H "x-api-key: {key}" -H 'content-type: application/json' \\
    -d '{{"model": "claude-sonnet-5-5", "max_tokens": 256, "stream": true,
         "messages": [{{"role": "user", "content": "Hello"}}]}}'
Claude Code:
  export ANTHROPIC_BASE_URL={url}
  export ANTHROPIC_AUTH_TOKEN="{key}"
"""


ELSEWHERE = "or log in with the Kiro IDE, kiro-cli or the Amazon Q CLI on this machine"


def ways_to_log_in() -> Sequence[tuple[str, str]]:
    """What to type or set for each kind of login, and which kind that is; beside ELSEWHERE."""
    program = command()
    return (
        (f"{program} login", "AWS Builder ID"),
        (f"{program} login --start-url URL", "IAM Identity Center"),
        (f"{program} login --social google", "or github"),
        ("KIRO_API_KEY=ksk_...", "a key made at app.kiro.dev"),
        ("KIRO_AUTH_TOKEN=/path/to/token.json", "a token file, or its content"),
        ("AWS_REFRESHTOKEN=...", "of a social login"),
    )


def simulated(settings: Settings) -> str:
    """That no model answers, and every way to change that."""
    listed = "\n".join(f"    {line}" for line in columns(ways_to_log_in()))
    notes = "".join(f"\n  Note: {warning}" for warning in settings.warnings)
    return f"""\
{_RULE}
  NO CREDENTIAL FOUND: every answer comes from a SIMULATOR, not a model.
  To use your account, do one of these and start again:
{listed}
  {ELSEWHERE}.
  What is simulated is forgotten when it ends; `{command()} usage` does not count it.{notes}
{_RULE}"""


def welcome(settings: Settings, listed: Catalogue | None, *, is_simulated: bool) -> Iterator[str]:
    """How to try the gateway, and what the common clients will be answered by. ``listed``: the
    models that the accounts are known to have, None if no list was read.
    """
    url, key = local_url(settings), key_of(settings)
    yield _TRY_IT.format(url=url, key=key.shell).rstrip()
    if key.note:
        yield f"  ({key.note})"
    yield f"Other clients: {command()} client --help"
    if not is_simulated:
        known = "as your accounts' lists say" if listed else "if your account has the usual ones"
        yield f"What answers the models that clients ask for by themselves, {known}:"
        yield from (f"  {line}" for line in defaults.lines(settings, listed or STATIC))
