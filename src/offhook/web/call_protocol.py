"""One connection of a script: its plain calls of the API are answered without uvicorn's parser.

Scripts that add phones by thousands make the same two calls over and over on one connection. What
surrounds them in uvicorn, parser, task and messages of ASGI, costs as much as all the rest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from offhook.tasks import spawn
from offhook.web.front import around, lines_of
from offhook.web.head import HEAD_MAX_BYTES, Head, parse_call
from offhook.web.peer import Scope
from offhook.web.phones import Reply

if TYPE_CHECKING:
    from offhook.web.front_protocol import House

BEGIN = b"POST /api/"
BODY_MAX_BYTES = 64 * 1024
HEARD_MAX_BYTES = HEAD_MAX_BYTES + BODY_MAX_BYTES
REST_S = 1.0
"""How long the rest of a body may take here; after that, uvicorn's protocol waits for it."""

_CLOSE = (b"connection", b"close")


class Calls(Protocol):
    """Who answers calls that need no framework."""

    def takes(self, path: bytes) -> bool:
        """Say whether a POST to this path is one, and can be answered now."""

    async def call(self, scope: Scope, body: bytes) -> Reply | None:
        """Answer it; None, with nothing done, for one that has to go the usual way."""


class CallProtocol(asyncio.Protocol):
    """Answers plain calls one after another; at the first other one it hands on to uvicorn."""

    def __init__(self, house: House, calls: Calls) -> None:
        self._house = house
        self._calls = calls
        self._heard = b""
        self._is_answering = False
        self._is_write_paused = False
        self._is_ending = False
        self.idle_until_s = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        self.transport = cast(asyncio.Transport, transport)
        self._house.state.connections.add(self)  # type: ignore[arg-type] # it is asked for `shutdown` alone

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; a call that is being done is done to its end."""
        self._house.state.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer a call when it is whole; what comes meanwhile waits."""
        self._heard += data
        if not (self._is_answering or self._is_write_paused):
            self._go_on()
        elif len(self._heard) > HEARD_MAX_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep a connection open whose caller has said all and waits for the answer."""
        self._is_ending = True
        return self._is_answering

    def _go_on(self) -> None:
        """Answer what is there, wait for the rest of it, or hand on."""
        house, heard = self._house, self._heard
        read = parse_call(heard)
        if read is None:
            self._hand_on()
            return
        head, begin, end = read
        if end - begin > BODY_MAX_BYTES or not self._calls.takes(head.raw_path):
            self._hand_on()
            return
        if len(heard) < end:
            self.idle_until_s = house.clock() + REST_S
            return
        self._is_answering = True
        self.idle_until_s = float("inf")
        spawn(self._answer(head, begin, end), "answer a call")

    async def _answer(self, head: Head, begin: int, end: int) -> None:
        house, transport = self._house, self.transport
        scope = head.scope(
            transport.get_extra_info("peername"),
            transport.get_extra_info("sockname"),
            house.scheme,
        )
        reply = await self._calls.call(scope, self._heard[begin:end])
        self._is_answering = False
        if reply is None:
            self._hand_on()
            return
        self._heard = self._heard[end:]
        house.state.total_requests += 1
        is_closing = self._is_ending or not head.keeps_alive
        if not transport.is_closing():
            before, after = around(reply.status, reply.fields, is_closing=is_closing)
            own = lines_of(house.state.default_headers)
            transport.write(b"".join((before, own, after, reply.body)))
        if is_closing or _CLOSE in reply.fields:
            transport.close()
        else:
            self._wait()

    def _wait(self) -> None:
        """Wait for the next call; one that came meanwhile is next, when answers are read."""
        self.idle_until_s = self._house.clock() + self._house.keep_alive_s
        if self._heard and not self._is_write_paused:
            self.transport.resume_reading()
            self._go_on()

    def _hand_on(self) -> None:
        self._house.state.connections.discard(self)
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self._house.hand_on(
                self.transport,
                self._heard,
                is_write_paused=self._is_write_paused,
                has_ended=self._is_ending,
            )

    def tire(self) -> None:
        """Its time is over: uvicorn waits for a body; who says nothing is let go."""
        if self._heard:
            self._hand_on()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """Close when nothing is being answered."""
        self._is_ending = True
        if not self._is_answering and not self.transport.is_closing():
            self.transport.close()

    def pause_writing(self) -> None:
        """The caller does not read its answers: the next one has to wait."""
        self._is_write_paused = True

    def resume_writing(self) -> None:
        """The caller reads again."""
        self._is_write_paused = False
        if self._heard and not self._is_answering:
            self._wait()
