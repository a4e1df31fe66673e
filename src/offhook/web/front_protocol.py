"""One connection of HTTP that answers known requests itself and wakes uvicorn for all others."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from offhook.web import protocol
from offhook.web.front import HEARD, Front, Heard, Known, is_repeatable
from offhook.web.peer import plain_address
from offhook.web.protocol import BoundedProtocol, turn_away_busy


class FrontProtocol(BoundedProtocol):
    """uvicorn's protocol, of which nothing is made before a request needs it.

    Making it, its parser and a task costs twice what answering a known request does; phones open a
    connection for each file. Until it is awake only what is set here exists.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        config = kwargs["config"]
        self._made_with = (args, kwargs)
        self._front: Front | None = getattr(config.loaded_app, "front", None)
        self._is_awake = False
        self._is_write_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._keep_alive_s: float = config.timeout_keep_alive
        self.server_state = kwargs["server_state"]
        self.connections = self.server_state.connections
        self.loop = kwargs.get("_loop") or asyncio.get_running_loop()
        self.cycle = None  # type: ignore[assignment] # as uvicorn has it before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin to wait for a request."""
        self.transport = transport
        if self._front is None:
            self._wake()
            return
        self.connections.add(self)
        if len(self.connections) > protocol.CONNECTIONS_MAX:
            turn_away_busy(transport)
            return
        self._timer = self.loop.call_later(protocol.REQUEST_TIMEOUT_S, self._close_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        if self._is_awake:
            super().connection_lost(exc)
            return
        self._end_timer()
        self.connections.discard(self)
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Answer what is known, at once; all else goes on as it came."""
        if self._front is None:
            super().data_received(data)
            return
        is_between = not self._is_awake or (
            self._head_bytes == 0
            and self._is_in_head
            and (self.cycle is None or self.cycle.response_complete)
        )
        if is_between:
            known = self._front.known.get(data)
            if known is not None and self._answered(self._front, data, known):
                return
        if not self._is_awake:
            self._wake()
        super().data_received(data)
        if is_between and self.cycle is not None and self._is_in_head and is_repeatable(data):
            scope = cast("dict[str, Any]", self.cycle.scope)
            scope[HEARD] = Heard(data, self.cycle.keep_alive)

    def _answered(self, front: Front, data: bytes, known: Known) -> bool:
        transport = self.transport
        if self._is_write_paused or transport.is_closing():
            return False
        peer = transport.get_extra_info("peername")
        own = self.server_state.default_headers
        answer = front.again(data, known, plain_address(peer[0]) if peer else "", own)
        if answer is None:
            return False
        self._end_timer()
        transport.write(answer)
        self.server_state.total_requests += 1
        if not known.keeps_alive:
            transport.close()
        elif self._is_awake:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self._keep_alive_s, self.timeout_keep_alive_handler
            )
        else:
            self._timer = self.loop.call_later(self._keep_alive_s, self._close_idle)
        return True

    def _wake(self) -> None:
        """Become what uvicorn makes of a connection at its beginning."""
        self._end_timer()
        args, kwargs = self._made_with
        transport = self.transport
        self.connections.discard(self)
        super().__init__(*args, **kwargs)
        self._is_awake = True
        super().connection_made(transport)
        if self._is_write_paused:
            self.flow.pause_writing()

    def shutdown(self) -> None:
        """Close when nothing is being answered."""
        if self._is_awake:
            super().shutdown()
        else:
            self.transport.close()

    def eof_received(self) -> bool | None:  # type: ignore[override] # asyncio asks for this answer
        """Answer a caller that closed its sending side."""
        return super().eof_received() if self._is_awake else None

    def pause_writing(self) -> None:
        """The caller does not read its answers: the next one has to wait."""
        self._is_write_paused = True
        if self._is_awake:
            super().pause_writing()

    def resume_writing(self) -> None:
        """The caller reads again."""
        self._is_write_paused = False
        if self._is_awake:
            super().resume_writing()

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_idle(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
