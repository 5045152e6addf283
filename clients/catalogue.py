"""All cases, in the order of the table."""

from . import claude_code, codex, opencode

CASES = [*claude_code.CASES, *codex.CASES, *opencode.CASES]
