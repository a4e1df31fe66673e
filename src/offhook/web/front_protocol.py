"""One connection of HTTP that answers plain requests of phones, and hands all others to uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from uvicorn.server import ServerState

from offhook.web import protocol
from offhook.web.call_protocol import BEGIN, CallProtocol, Calls
from offhook.web.front import Front
from offhook.web.peer import plain_address
from offhook.web.protocol import BoundedProtocol, turn_away_busy
from offhook.web.turns import Turns

SWEEP_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class House:
    """What all connections of a server have in common; `make` makes uvicorn's own protocol."""

    front: Front | None
    calls: Calls | None
    state: ServerState
    make: Callable[[], BoundedProtocol]
    clock: Callable[[], float]
    keep_alive_s: float
    scheme: str
    turns: Turns

    def again(self, data: bytes, client: tuple[str, int] | None) -> tuple[bytes, bool] | None:
        """Answer what was answered before; with it whether the connection is kept."""
        if self.front is None:
            return None
        address = plain_address(client[0]) if client else ""
        return self._counted(self.front.again(data, address, self.state.default_headers))

    def first(
        self, data: bytes, client: tuple[str, int] | None, local: Callable[[], object]
    ) -> tuple[bytes, bool] | None:
        """Answer any other plain request of a phone; None for all that is uvicorn's.

        `local` gives our own end of the connection.
        """
        if self.front is None:
            return None
        own = self.state.default_headers
        return self._counted(self.front.first(data, client, local, self.scheme, own))

    def _counted(self, answered: tuple[bytes, bool] | None) -> tuple[bytes, bool] | None:
        if answered is not None:
            self.state.total_requests += 1
        return answered

    def put_off(self, data: bytes, answer: Callable[[], None]) -> bool:
        """Have a request answered in its turn; False when too many strangers wait already."""
        is_stranger = self.front is not None and self.front.is_stranger(data)
        if is_stranger and self.turns.are_many_strangers:
            return False
        self.turns.put(answer, is_stranger=is_stranger)
        return True

    def sweep(self) -> None:
        """Close connections that ask nothing: one look at all costs less than a timer for each."""
        now_s = self.clock()
        for connection in tuple(self.state.connections):
            if not isinstance(connection, FrontProtocol | CallProtocol):
                continue
            if connection.idle_until_s <= now_s:
                connection.tire()

    def hand_on(
        self,
        transport: asyncio.Transport,
        data: bytes,
        *,
        is_write_paused: bool,
        has_ended: bool = False,
    ) -> None:
        """Let uvicorn go on with a connection, from what was heard and not answered."""
        usual = self.make()
        transport.set_protocol(usual)
        usual.connection_made(transport)
        if is_write_paused:
            usual.pause_writing()
        usual.data_received(data)
        if has_ended and not usual.eof_received():
            transport.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What happened before a connection became the loop's.

    `heard` came already, `unsent` still has to go out; `has_ended` when nothing follows that.
    """

    heard: bytes = b""
    unsent: bytes = b""
    has_ended: bool = False


class FrontProtocol(asyncio.Protocol):
    """Answers what the front knows how to, at once; anything else begins uvicorn's protocol.

    Making that, its parser and a task costs many times what answering does, and phones open a
    connection for each file. A connection that was handed on is uvicorn's until it ends.
    """

    __slots__ = ("_house", "_is_write_paused", "_opening", "idle_until_s", "transport")

    def __init__(self, house: House, opening: Opening | None = None) -> None:
        self._house = house
        self._opening = opening
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
        if self._opening is not None:
            self._take_up(self._opening)

    def _take_up(self, opening: Opening) -> None:
        if opening.unsent:
            self.transport.write(opening.unsent)
        if opening.has_ended:
            self.transport.close()
        elif opening.heard:
            self._hand_on(opening.heard)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._house.state.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is known at once, what is plain in its turn; all else goes on as it came."""
        house, transport = self._house, self.transport
        if transport.is_closing():
            return
        if self._is_write_paused:
            self._hand_on(data)
            return
        answered = house.again(data, transport.get_extra_info("peername"))
        if answered is not None:
            self._say(answered[0], keeps_alive=answered[1])
            return
        transport.pause_reading()
        if not house.put_off(data, partial(self._answer, data)):
            turn_away_busy(transport)

    def _answer(self, data: bytes) -> None:
        transport = self.transport
        if transport.is_closing():
            return
        transport.resume_reading()
        local = partial(transport.get_extra_info, "sockname")
        answered = self._house.first(data, transport.get_extra_info("peername"), local)
        if answered is None:
            self._hand_on(data)
        else:
            self._say(answered[0], keeps_alive=answered[1])

    def _say(self, answer: bytes, *, keeps_alive: bool) -> None:
        self.transport.write(answer)
        if keeps_alive:
            self.idle_until_s = self._house.clock() + self._house.keep_alive_s
        else:
            self.transport.close()

    def _hand_on(self, data: bytes) -> None:
        house, transport = self._house, self.transport
        house.state.connections.discard(self)
        if house.calls is None or not data.startswith(BEGIN):
            house.hand_on(transport, data, is_write_paused=self._is_write_paused)
            return
        calling = CallProtocol(house, house.calls)
        transport.set_protocol(calling)
        calling.connection_made(transport)
        if self._is_write_paused:
            calling.pause_writing()
        calling.data_received(data)

    def tire(self) -> None:
        """Its time is over."""
        self.shutdown()

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
