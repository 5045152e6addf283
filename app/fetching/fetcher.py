"""All files that a conversation has by URL, fetched beside each other and put in its place."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import gevent
from gevent.pool import Pool
from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Remote,
    Text,
    ToolResult,
)
from app.core.media import MediaError, file, image

from .download import Budget, FetchError, File, download

MOST_FILES = 20
"""URLs of a request; the same URL counts once."""
AT_ONCE = 4


class _Late(Exception):
    """The time for all files is over."""


_MAY_BE_REMOTE = frozenset({Remote, ToolResult})
_NOTES = {"image": "image_as_text", "document": "document_as_text"}


def refuse(conversation: Conversation) -> Conversation:
    """The conversation, which must have nothing by URL. Raises GatewayError."""
    for remote in _remotes(conversation):
        raise _refusal(
            remote,
            f"{remote.kind}s by URL are not fetched by this gateway, unless its owner sets"
            f" KIRO_FETCH_URLS=1; send the {remote.kind} inline, as base64",
        )
    return conversation


class Fetcher:
    """Puts what is at the URLs of a conversation in their place. ``seconds`` and ``most_bytes``
    limit all files of a request together. ``run(size, call, ...)`` calls what takes long for many
    bytes.
    """

    def __init__(
        self,
        *,
        seconds: float,
        most_bytes: int,
        run: Callable[..., Any] = lambda size, call, *arguments: call(*arguments),
    ) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._run = run

    def __call__(self, conversation: Conversation) -> Conversation:
        """The conversation with its files. Raises GatewayError for one that cannot be had; in the
        result of a tool, the model is told of it instead, since the client could not go on.
        """
        remotes = {remote.url: remote for remote in _remotes(conversation)}
        if not remotes:
            return conversation
        if len(remotes) > MOST_FILES:
            raise _refusal(
                [*remotes.values()][MOST_FILES],
                f"no more than {MOST_FILES} URLs are fetched for a request; send the others inline,"
                " as base64",
            )
        files = self._downloads(list(remotes))
        size = conversation.size + sum(
            len(found.content) for found in files.values() if isinstance(found, File)
        )
        placed: Conversation = self._run(size, _placed, conversation, files)
        return replace(placed, size=size)

    def _downloads(self, urls: list[str]) -> dict[str, File | FetchError]:
        late = FetchError(f"it took longer than {self._seconds:g} seconds")
        found: dict[str, File | FetchError] = dict.fromkeys(urls, late)
        budget, pool = Budget(self._most_bytes), Pool(AT_ONCE)

        def fetch(url: str) -> None:
            try:
                found[url] = download(url, budget, self._seconds)
            except FetchError as error:
                found[url] = error

        try:
            with suppress(_Late), gevent.Timeout(self._seconds, _Late):
                for url in urls:
                    pool.spawn(fetch, url)
                pool.join()
        finally:
            pool.kill(block=False)
        return dict(found)


def _remotes(conversation: Conversation) -> Iterator[Remote]:
    for message in conversation.messages:
        if _MAY_BE_REMOTE.isdisjoint(map(type, message.parts)):
            continue
        for part in message.parts:
            if type(part) is Remote:
                yield part
            elif type(part) is ToolResult and Remote in map(type, part.content):
                yield from (inner for inner in part.content if type(inner) is Remote)


def _placed(conversation: Conversation, files: dict[str, File | FetchError]) -> Conversation:
    notes = dict.fromkeys(conversation.notes)
    messages = []
    for message in conversation.messages:
        parts: list[Any] = []
        for part in message.parts:
            if type(part) is Remote:
                parts += _parts(part, files[part.url])
            elif type(part) is ToolResult:
                parts.append(_result(part, files, notes))
            else:
                parts.append(part)
        messages.append(Message(message.role, tuple(parts)))
    return replace(conversation, messages=tuple(messages), notes=tuple(notes))


def _result(
    result: ToolResult, files: dict[str, File | FetchError], notes: dict[str, None]
) -> ToolResult:
    content: list[Any] = []
    for part in result.content:
        if type(part) is not Remote:
            content.append(part)
            continue
        try:
            content += _parts(part, files[part.url])
        except GatewayError as error:
            notes[_NOTES[part.kind]] = None
            why = error.message.removeprefix(f"{part.field}: ")
            content.append(Text(f"[{part.kind} left out: {why}]"))
    return replace(result, content=tuple(content))


def _parts(remote: Remote, found: File | FetchError) -> tuple[Text | Image | Document, ...]:
    """What stands in the place of a URL. Raises GatewayError."""
    try:
        if isinstance(found, FetchError):
            raise found
        data = b64encode(found.content).decode()
        if remote.kind == "image":
            return (image(data),)
        read = file(data, found.media_type, remote.title or found.name, remote.field)
    except (FetchError, MediaError) as error:
        raise _refusal(
            remote,
            f"the {remote.kind} at this URL cannot be used: {error}; or send the {remote.kind}"
            " inline, as base64",
        ) from None
    if not remote.context:
        return (read,)
    if isinstance(read, Document) and read.text is not None:
        return (replace(read, text=f"{remote.context}\n\n{read.text}"),)
    return Text(remote.context), read


def _refusal(remote: Remote, problem: str) -> GatewayError:
    return GatewayError(Kind.INVALID_REQUEST, f"{remote.field}: {problem}", field=remote.field)
