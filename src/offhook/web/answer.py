"""Answers as bytes: JSON in our form, errors in their one shape, and sending them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as _quoted

from pydantic import BaseModel

from offhook.web.body import Send

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

Fields = Sequence[tuple[bytes, bytes]]

_SAFE = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


def json_bytes(value: BaseModel | Mapping[str, object]) -> bytes:
    """Write JSON, indented by two; no blank after a colon: the guide greps `"number":"1001"`."""
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    try:
        text = _written(data, "\n")
    except TypeError:  # a key that is no text
        text = json.dumps(data, indent=2, separators=(",", ":"), ensure_ascii=False)
    # Half a surrogate pair, which a phone can put into a name, becomes a question mark.
    return text.encode("utf-8", "replace") + b"\n"


_NESTED = (dict, list, tuple)
_WORDS = {None: "null", True: "true", False: "false"}


def _written(value: object, line: str) -> str:
    """Write as `json.dumps` does, which leaves C as soon as it indents.

    `line` begins a line as far in as the value is.
    """
    if isinstance(value, str):
        return _quoted(value)
    if value is None or value is True or value is False:
        return _WORDS[value]
    if not isinstance(value, _NESTED):
        return json.dumps(value)
    inner = line + "  "
    if isinstance(value, dict):
        signs = "{}"
        parts = [f"{_quoted(key)}:{_written(item, inner)}" for key, item in value.items()]
    else:
        signs = "[]"
        parts = [_written(item, inner) for item in value]
    return f"{signs[0]}{inner}{f',{inner}'.join(parts)}{line}{signs[1]}" if parts else signs


def error_bytes(code: str, message: str, hint: str = "") -> bytes:
    """Write the one shape of all API errors."""
    return json_bytes({"error": {"code": code, "message": message, "hint": hint}})


def answer_fields(
    status: int, length: int, content_type: str, headers: Fields = ()
) -> list[tuple[bytes, bytes]]:
    """Give the header fields of a whole answer."""
    sent = [*_SAFE, *headers]
    if status != 304:  # RFC 9110 §8.6: its length would have to be the file's
        sent.append((b"content-length", str(length).encode()))
    if content_type:
        sent.append((b"content-type", content_type.encode("latin-1")))
    return sent


async def send_answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str,
    headers: Fields = (),
    *,
    length: int | None = None,
) -> None:
    """Send a whole answer with its exact length; `length` when the body itself is left out."""
    size = len(body) if length is None else length
    sent = answer_fields(status, size, content_type, headers)
    await send_fields(send, status, sent, body)


async def send_fields(send: Send, status: int, fields: Fields, body: bytes) -> None:
    """Send an answer whose fields are there already."""
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
