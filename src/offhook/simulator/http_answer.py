"""An HTTP answer as a telephone reads it: strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 4 * 1024 * 1024


class FetchError(Exception):
    """No answer came, or one that a telephone could not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer; header names in lower case, the last of a name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def body_length(headers: Mapping[str, str]) -> int | None:
    """Give the bytes of the body, None when it ends with the connection. Raises FetchError."""
    if "transfer-encoding" in headers:
        raise FetchError("the answer is chunked, which old firmware cannot read")
    length = headers.get("content-length")
    if length is None:
        return None
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise FetchError(f"Content-Length is {length[:20]!r}")
    return int(length)


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Read the head of an answer with the empty line that ends it. Raises FetchError."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()):
        raise FetchError(f"this is no HTTP answer: {first[:60]!r}")
    headers = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon:
            raise FetchError(f"header line without a colon: {line[:60]!r}")
        headers[key.strip().lower()] = value.strip()
    return int(status), headers
