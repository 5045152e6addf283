"""The properties of the three dialects that the measurements need."""

from collections.abc import Callable
from typing import NamedTuple

from werkzeug.datastructures import Headers

from app.core.conversation import Conversation
from app.core.usage import Meter
from app.dialects.anthropic.parse import parse_messages
from app.dialects.anthropic.reply import ReplyContext as MessagesContext
from app.dialects.anthropic.stream import StreamEncoder as MessagesEncoder
from app.dialects.openai_chat.parse import parse_chat
from app.dialects.openai_chat.reply import ReplyContext as ChatContext
from app.dialects.openai_chat.stream import StreamEncoder as ChatEncoder
from app.dialects.openai_responses.parse import ParsedRequest, parse_responses
from app.dialects.openai_responses.reply import ReplyContext as ResponsesContext
from app.dialects.openai_responses.stream import StreamEncoder as ResponsesEncoder
from app.web.relay import Encoder

MODEL = "claude-sonnet-4-6"
CREATED = 1_790_000_000


class Dialect(NamedTuple):
    """``text_mark`` occurs once in each text event of a stream, ``end_mark`` once in the last
    event."""

    name: str
    path: str
    parse: Callable[[bytes, Headers], Conversation]
    encoder: Callable[[Meter], Encoder]
    text_mark: bytes
    end_mark: bytes


def _responses(raw: bytes, headers: Headers) -> ParsedRequest:
    return parse_responses(raw, headers, MODEL)


def _responses_encoder(meter: Meter) -> Encoder:
    options = _responses(b'{"input":"hi","stream":true}', Headers()).options
    return ResponsesEncoder(ResponsesContext("0" * 32, options, CREATED, lambda: CREATED), meter)


MESSAGES = Dialect(
    "Messages",
    "/v1/messages",
    lambda raw, headers: parse_messages(raw, headers).conversation,
    lambda meter: MessagesEncoder(MessagesContext("msg_0", MODEL), meter),
    b'"type":"text_delta"',
    b"event: message_stop\n",
)
CHAT = Dialect(
    "Chat Completions",
    "/v1/chat/completions",
    lambda raw, headers: parse_chat(raw, headers).conversation,
    lambda meter: ChatEncoder(ChatContext("chatcmpl-0", CREATED, MODEL), meter),
    b'"delta":{"content":',
    b"data: [DONE]\n",
)
RESPONSES = Dialect(
    "Responses",
    "/v1/responses",
    lambda raw, headers: _responses(raw, headers).conversation,
    _responses_encoder,
    b"event: response.output_text.delta\n",
    b"event: response.completed\n",
)
DIALECTS = (MESSAGES, CHAT, RESPONSES)
