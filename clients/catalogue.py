"""All cases, in the order of the table."""

from clients import (
    aider,
    claude_code,
    cline,
    codex,
    copilot,
    javascript,
    libraries,
    lite_llm,
    opencode,
    openhands,
    pi,
    typed,
)

CASES = [
    *claude_code.CASES,
    *codex.CASES,
    *copilot.CASES,
    *opencode.CASES,
    *pi.CASES,
    *cline.CASES,
    *aider.CASES,
    *openhands.CASES,
    *libraries.CASES,
    *typed.CASES,
    *lite_llm.CASES,
    *javascript.CASES,
]
