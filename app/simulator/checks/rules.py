"""The names of the rules of a chat request, and the rules that can be switched and set."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

RULES: dict[str, str] = {
    "depth": "the body is not nested so deeply that it cannot be serialised",
    "json": "the body is a JSON object",
    "type": "every member has the type of the service model, which never allows null",
    "missing-member": "all required members are present",
    "unknown-member": "the service model has every member",
    "union": "a union has exactly one member",
    "enum": "enumerated strings are spelled as modelled",
    "length": "strings, lists and numbers are within the modelled bounds",
    "pattern": "strings match the modelled pattern",
    "content-type": "the content type is that of the binding",
    "trigger-type": "chatTriggerType is MANUAL, DIAGNOSTIC or INLINE_CHAT",
    "conversation-id": "conversationId has 1 to 128 characters",
    "origin": "origin is one of the modelled origins",
    "profile-arn": "a profile ARN, in body or header, has the modelled form",
    "model-id": "modelId is 1 to 1024 letters, digits and _ : . -",
    "model-unknown": "the current message names a model that the account is offered",
    "model-fields": "additionalModelRequestFields matches the model's schema, if it has one",
    "content-length": "a user's content has at most 600000 characters, an assistant's 100000",
    "empty-content": "a user's content is empty only if there are tool results",
    "weight": "the body weighs at most 1300000: 1 for an ASCII character, 8 for any other",
    "context-window": "the request's estimated tokens fit the model's window",
    "image-format": "images are png, jpeg, gif or webp",
    "image-bytes": "an image is base64 of 1 to 2800000 bytes",
    "image-count": "a message has at most 10 images",
    "image-magic": "the first bytes of an image are those of its format",
    "image-dimensions": "a png or gif has at most 8000 pixels a side",
    "document-format": "documents are of a modelled format, also by their bytes",
    "document-name": "a document's name has 1 to 200 of the characters that names may have",
    "document-names-unique": "no two documents of the conversation have the same name",
    "document-count": "the conversation has at most 5 documents, or each message, see Settings",
    "document-bytes": "a document is base64 of 1 to 20 MiB",
    "document-pages": "a pdf has at most 100 pages, or 600 for a model with a larger window",
    "document-password": "a pdf is not encrypted",
    "document-model": "the model reads documents: it is not listed as one of text alone",
    "signature": "thinking was signed for the model's family, see Settings",
    "region": "the profile is of the host's region, if the host's region is known",
    "current-message": "currentMessage is a userInputMessage",
    "history-order": "history alternates, starting with the user, ending with the assistant",
    "first-user-tool-results": "the first entry of history has no toolResults",
    "tool-pairing": "toolResults pair one to one with the toolUses of the preceding message",
    "tool-use-id": "toolUseId is 1 to 64 letters, digits and _ -",
    "tool-use-ids-unique": "no two toolUses have the same id",
    "tool-input": "a toolUse's input is an object",
    "status": "a tool result's status is success or error",
    "tools-only-current": "only currentMessage offers tools",
    "tool-name": "a tool name is a letter, then up to 63 letters, digits and _ -",
    "tool-names-unique": "tool names are unique, ignoring letter case",
    "tool-offered": "currentMessage offers every tool used in history",
    "tools-missing": "currentMessage offers tools if the conversation has tool calls or results",
    "tool-description": "a tool description has 1 to 10240 characters",
    "tool-schema": "the service accepts the input schema, see tool_schema",
    "cache-point-in-tools": "the tools include no cachePoint",
}
"""Every rule by name. The header `x-sim-violation` contains the name."""


@dataclass(slots=True)
class Settings:
    """The rules that a test can set.

    `media_bytes`: the bytes of images and documents must be those of their format. A program that
    looks at bytes where it reads them, and not where it sends them, is tested in parts without.
    `signatures`: a Claude model refuses thinking that is not signed by the simulator for a Claude
    model (see `ThinkingPart`). `documents_per`: what the highest number of documents counts for;
    sources contradict each other. `documents`: that number.
    """

    media_bytes: bool = True
    signatures: bool = False
    documents_per: Literal["conversation", "message"] = "conversation"
    documents: int = 5

    def configure(self, form: Any) -> None:
        """Set the members of an object to its values. Raises ValueError, and then sets nothing."""
        names = {member.name for member in dataclasses.fields(self)}
        if not isinstance(form, dict) or form.keys() - names:
            raise ValueError(f"expected an object of {', '.join(sorted(names))}")
        if form.get("documents_per", "message") not in ("conversation", "message"):
            raise ValueError("documents_per is conversation or message")
        for name, value in form.items():
            if type(value) is not type(getattr(self, name)):
                raise ValueError(f"{name} has a value that is not allowed")
        for name, value in form.items():
            setattr(self, name, value)
