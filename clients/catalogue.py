"""All cases, in the order of the table."""

from clients import aider, claude_code, codex, copilot, javascript, libraries, opencode

CASES = [
    *claude_code.CASES,
    *codex.CASES,
    *copilot.CASES,
    *opencode.CASES,
    *aider.CASES,
    *libraries.CASES,
    *javascript.CASES,
]
