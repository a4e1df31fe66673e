"""One connection of HTTP that answers plain requests of phones, and hands all others to uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from uvicorn.server import ServerState

from offhook.web import protocol
from offhook.web.front import Front
from offhook.web.peer import plain_address
from offhook.web.protocol import BoundedProtocol, turn_away_busy

SWEEP_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class House:
    """What all connections of a server have in common; `make` makes uvicorn's own protocol."""

    front: Front | None
    state: ServerState
    make: Callable[[], BoundedProtocol]
    clock: Callable[[], float]
    keep_alive_s: float
    scheme: str

    def sweep(self) -> None:
        """Close connections that ask nothing: one look at all costs less than a timer for each."""
        now_s = self.clock()
        for connection in tuple(self.state.connections):
            if isinstance(connection, FrontProtocol) and connection.idle_until_s <= now_s:
                connection.shutdown()


class FrontProtocol(asyncio.Protocol):
    """Answers what the front knows how to, at once; anything else begins uvicorn's protocol.

    Making that, its parser and a task costs many times what answering does, and phones open a
    connection for each file. A connection that was handed on is uvicorn's until it ends.
    """

    __slots__ = ("_house", "_is_write_paused", "idle_until_s", "transport")

    def __init__(self, house: House) -> None:
        self._house = house
        self._is_write_paused = False
        self.idle_until_s = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        house = self._house
        self.transport = cast(asyncio.Transport, transport)
        if len(house.state.connections) >= protocol.CONNECTIONS_MAX:
            turn_away_busy(self.transport)
            return
        house.state.connections.add(self)  # type: ignore[arg-type] # it is asked for `shutdown` alone
        self.idle_until_s = house.clock() + protocol.REQUEST_TIMEOUT_S

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._house.state.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is plain, at once; all else goes on as it came."""
        house, transport = self._house, self.transport
        front = house.front
        if transport.is_closing():
            return
        if front is None or self._is_write_paused:
            self._hand_on(data)
            return
        own = house.state.default_headers
        client = transport.get_extra_info("peername")
        answered = front.again(data, plain_address(client[0]) if client else "", own)
        if answered is None:
            server = transport.get_extra_info("sockname")
            answered = front.first(data, client, server, house.scheme, own)
            if answered is None:
                self._hand_on(data)
                return
        answer, keeps_alive = answered
        transport.write(answer)
        house.state.total_requests += 1
        if keeps_alive:
            self.idle_until_s = house.clock() + house.keep_alive_s
        else:
            transport.close()

    def _hand_on(self, data: bytes) -> None:
        house, transport = self._house, self.transport
        house.state.connections.discard(self)
        usual = house.make()
        transport.set_protocol(usual)
        usual.connection_made(transport)
        if self._is_write_paused:
            usual.pause_writing()
        usual.data_received(data)

    def shutdown(self) -> None:
        """Close: nothing is being answered."""
        if not self.transport.is_closing():
            self.transport.close()

    def pause_writing(self) -> None:
        """The caller does not read its answers: the next one has to wait."""
        self._is_write_paused = True

    def resume_writing(self) -> None:
        """The caller reads again."""
        self._is_write_paused = False
