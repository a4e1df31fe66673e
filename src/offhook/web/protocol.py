"""uvicorn's HTTP protocol with the limits it lacks: slow requests, endless headers, half-close."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_TIMEOUT_S = 15.0
"""For the head of a request, from the first byte or the opening of the connection."""

HEAD_MAX_BYTES = 64 * 1024
CONNECTIONS_MAX = 20_000

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
_NO_BODY = b"content-length: 0\r\nconnection: close\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 60\r\n" + _NO_BODY


def turn_away_busy(transport: asyncio.Transport) -> None:
    """Tell a caller that there are too many at the moment."""
    transport.write(BUSY)
    transport.close()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. What strangers send costs bounded memory for a bounded time.

    uvicorn itself closes connections that idle between requests (`timeout_keep_alive`) and holds
    back callers that send a body faster than it is read. A caller that does not read its answer
    holds one buffer until TCP gives up.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._field_bytes = 0
        self._is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            turn_away_busy(transport)
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before a head is complete; the parser would take any amount of it."""
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._wait_for_head()
        super().data_received(data)
        if self._is_in_head and self._head_bytes > HEAD_MAX_BYTES:
            self.transport.write(_TOO_LARGE + _NO_BODY)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._field_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count fields, those after a chunked body too; an error here is answered with 400."""
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > HEAD_MAX_BYTES:
            raise ValueError("too many header fields")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._is_in_head = False
        self._head_bytes = 0
        self._end_wait()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What follows is the head of the next request."""
        self._is_in_head = True
        super().on_message_complete()

    def eof_received(self) -> bool | None:  # type: ignore[override] # asyncio asks for this answer
        """Answer a caller that closed its sending side after a whole request, as `nc -N` does."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(REQUEST_TIMEOUT_S, self._give_up)

    def _end_wait(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()
