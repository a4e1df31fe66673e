"""Read a request's body within bounds of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_TIMEOUT_S = 30.0
"""For the whole body: a megabyte at 300 kbit/s."""


class GoneError(Exception):
    """The caller left before its request was complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What was read: at most `limit + 1` bytes, so that too large is seen without reading all."""

    data: bytes
    is_complete: bool
    is_late: bool = False


async def read_body(receive: Receive, limit: int, timeout_s: float = BODY_TIMEOUT_S) -> Body:
    """Read until the end, or past the limit, or until the time is over. Raises GoneError."""
    data = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            while len(data) <= limit:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                data += message.get("body", b"")
                if not message.get("more_body", False):
                    is_small = len(data) <= limit
                    return Body(data=bytes(data[: limit + 1]), is_complete=is_small)
    except TimeoutError:
        return Body(data=bytes(data[: limit + 1]), is_complete=False, is_late=True)
    return Body(data=bytes(data[: limit + 1]), is_complete=False)
