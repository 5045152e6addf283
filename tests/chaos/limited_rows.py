"""Faults while a limit of the client's holds text back or ends the answer: nothing is lost, and
nothing is sent twice.
"""

from typing import Any

from app.common.errors import Kind
from app.core.tokens.text import UNIT, estimator_of
from tests.chaos.received import MODEL, TOKENS
from tests.chaos.row import (
    CUT_CALL,
    DONE,
    PIECE,
    WHOLE_TOOL,
    FaultRow,
    answered,
    both,
    breaks,
    broken,
)

HELD: dict[str, Any] = {"text": ["Hel", "lo"]}
TWELVE = "012345678901"
"""Less than the limit of tokens; two of them are more."""
AT_THE_LIMIT = (TWELVE * 2)[: TOKENS * UNIT // estimator_of(MODEL).text("0")]

LIMITED: tuple[FaultRow, ...] = (
    breaks("cut-while-held", "the connection ends while text is held back that may be the beginning"
           " of a stop sequence", Kind.TRUNCATED, "Hello", limit="stop",
           answers=({**HELD, "text": ["Hel", "lo", "!"], "cut": {"after": 3}},)),
    breaks("damaged-while-held", "an event is damaged while text is held back", Kind.CORRUPT,
           "Hello", limit="stop",
           answers=({"text": ["Hel", "lo", "!"], "corrupt": {"frame": 3}},)),
    breaks("error-while-held", "an error message inside the stream while text is held back",
           Kind.UPSTREAM_ERROR, "Hello", limit="stop",
           answers=({**HELD, "error": {"code": "Oops", "message": "It broke."}},)),
    both("output-limit-while-held", "ContentLengthExceededException while text is held back",
         answered("Hello", "max_tokens"), limit="stop",
         answers=({**HELD, "exception": {"type": "ContentLengthExceededException"}},)),
    both("end-while-held", "the answer ends while text is held back", answered("Hello"),
         limit="stop", answers=(HELD,)),
    FaultRow(name="tool-while-held", limit="stop",
             what="a tool call without a stop event follows text that is held back",
        answers=({"text": ["Hel", "lo"], "tool": CUT_CALL},),
        stream=answered("Hello", "max_tokens", calls=((PIECE, "cut"),)),
        whole=answered("Hello", "max_tokens")),
    FaultRow(name="recovers-while-held", limit="stop",
             what="the connection ends while text is held back; the next answer is good",
        answers=({"text": ["Hel", "lo", "!"], "cut": {"after": 3}},
                 {"text": ["Hel", "lo st", "op it"]}),
        stream=broken(Kind.TRUNCATED, "Hello"),
        whole=answered("Hello ", "stop_sequence"), requests=(1, 2)),
    both("cut-after-stop", "the connection ends after a stop sequence", answered("Hello ",
         "stop_sequence"), limit="stop", log={"cut_by": "stop_sequence"},
         answers=({"text": ["Hel", "lo st", "op it", "!"], "cut": {"after": 4}},)),
    both("cut-after-limit", "the connection ends behind the client's limit of tokens",
         answered(AT_THE_LIMIT, "max_tokens"), limit="tokens", log={"cut_by": "max_tokens"},
         answers=({"text": [TWELVE] * 3, "cut": {"after": 3}},)),
    breaks("cut-before-limit", "the connection ends before the client's limit of tokens",
           Kind.TRUNCATED, TWELVE, limit="tokens",
           answers=({"text": [TWELVE] * 3, "cut": {"after": 2}},)),
    breaks("cut-in-only-call", "the connection ends inside the only call that the client wants",
           Kind.TRUNCATED, "Let me.", calls=((PIECE, "open"),), limit="one call",
           answers=({"text": "Let me.", "tool": CUT_CALL, "cut": {"after": 5}},)),
    both("second-call-without-stop", "a second call, without a stop event, follows the only one"
         " that the client wants", answered("", "tool_use", calls=((DONE, "whole"),)),
         limit="one call", log={"cut_by": "one_call"},
         answers=({"tools": [WHOLE_TOOL, CUT_CALL]},)),
)  # fmt: skip
