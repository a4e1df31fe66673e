"""Messages out of a TCP byte stream: any cut, several at once, keep-alives. RFC 3261 §18.3."""

from __future__ import annotations

import re
from dataclasses import replace

from offhook.sip.message import (
    MAX_MESSAGE_BYTES,
    Junk,
    KeepAlive,
    Message,
    Refusal,
    Request,
    Response,
    Verdict,
)
from offhook.sip.parse import body_length, parse_head, refuse

_END = b"\r\n\r\n"
_PINGS = re.compile(rb"(?:\r\n\r\n)+")


class Framer:
    """Collects bytes of one connection and gives the messages in them.

    After anything that leaves the place of the next message unknown `is_broken` is True: the
    connection can only be answered and closed (RFC 4475 §3.3.9).
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._waiting: Message | Refusal | None = None
        self._needed = 0
        self.is_broken = False

    @property
    def has_partial(self) -> bool:
        """True while a message has begun and not ended; one lone line break is no message."""
        return self._waiting is not None or len(self._buffer) > 2

    def feed(self, data: bytes) -> list[Message | Verdict | KeepAlive]:
        """Take the next bytes; gives what they completed, in order."""
        items: list[Message | Verdict | KeepAlive] = []
        if self.is_broken:
            return items
        self._buffer += data
        while not self.is_broken:
            item = self._next_body() if self._waiting is not None else self._next_head()
            if item is None:
                break
            items.append(item)
        return items

    def _next_head(self) -> Message | Verdict | KeepAlive | None:
        buffer = self._buffer
        if buffer.startswith(_END):  # RFC 5626 §3.5.1: the ping is a double line break
            pings = _PINGS.match(buffer)  # a flood of them in one segment gets one answer
            del buffer[: pings.end() if pings else 4]
            return KeepAlive(is_ping=True)
        if buffer.startswith(b"\r\n") and len(buffer) > 3:
            del buffer[:2]
            return KeepAlive(is_ping=False)
        end = buffer.find(_END, max(0, self._searched - 3))
        self._searched = len(buffer)
        if end > MAX_MESSAGE_BYTES or (end < 0 and len(buffer) > MAX_MESSAGE_BYTES):
            return self._break("headers larger than 64 kB")
        if end < 0:
            return None
        head = bytes(buffer[:end])
        del buffer[: end + 4]
        self._searched = 0
        return self._begin(parse_head(head), end)

    def _begin(self, parsed: Message | Verdict, head_bytes: int) -> Message | Verdict | None:
        if isinstance(parsed, Junk):
            self.is_broken = True
            return parsed
        message = parsed.request if isinstance(parsed, Refusal) else parsed
        lengths = message.headers.all("content-length")
        length = body_length(message.headers)
        if length is None or len(lengths) != 1:
            self.is_broken = True
            return refuse(message, 400, "One Content-Length Needed")
        if head_bytes + length > MAX_MESSAGE_BYTES:
            self.is_broken = True
            return refuse(message, 513, "Message Too Large")
        self._waiting, self._needed = parsed, length
        return self._next_body()

    def _next_body(self) -> Message | Refusal | None:
        waiting = self._waiting
        if waiting is None or len(self._buffer) < self._needed:
            return None
        body = bytes(self._buffer[: self._needed])
        del self._buffer[: self._needed]
        self._waiting = None
        if isinstance(waiting, Request | Response) and body:
            return replace(waiting, body=body)
        return waiting

    def _break(self, reason: str) -> Junk:
        self.is_broken = True
        self._buffer.clear()
        return Junk(reason=reason)
