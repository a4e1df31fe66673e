"""TCP for SIP: one listener, its connections, and what a connection may cost. RFC 3261 §18."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from offhook.engines.udp import address_family, plain_host
from offhook.sip.bindings import Source
from offhook.sip.message import KeepAlive, Message, Verdict
from offhook.sip.stream import Framer

OnItem = Callable[[Message | Verdict | KeepAlive, "TcpConnection"], None]
OnLost = Callable[[Source], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpLimits:
    """Limits of the listener: connections in all and per host, and seconds.

    `partial_s` for a message that has begun, and for the first one; `idle_s` without a binding. A
    connection that a binding came over lives as long as the binding.
    """

    connections: int = 4096
    per_host: int = 512
    partial_s: float = 10.0
    idle_s: float = 120.0
    unread_bytes: int = 262_144
    dial_s: float = 3.0
    close_s: float = 1.0


class TcpPort:
    """A listening socket and its connections by source. Raises OSError when the port is taken."""

    def __init__(self, limits: TcpLimits, on_item: OnItem, on_lost: OnLost) -> None:
        self.limits = limits
        self.on_item = on_item
        self.on_lost = on_lost
        self.refused = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[str, TcpConnection] = {}
        self._per_host: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    async def listen(self, host: str, port: int) -> None:
        """Bind and listen."""
        listening = socket.socket(address_family(host), socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                lambda: TcpConnection(self), sock=listening, backlog=1024
            )
        except OSError:
            listening.close()
            raise
        self.port = int(listening.getsockname()[1])

    async def dial(self, host: str, port: int) -> TcpConnection:
        """Connect to a phone. Raises OSError when it does not accept in time."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.limits.dial_s):
            _, connection = await loop.create_connection(lambda: TcpConnection(self), host, port)
        return connection

    def find(self, source: str) -> TcpConnection | None:
        """Find the open connection of a source like `tcp:192.0.2.5:40000`."""
        return self._connections.get(source)

    def admit(self, connection: TcpConnection) -> bool:
        """Take a new connection in unless a limit is reached."""
        host = connection.source.host
        if (
            len(self._connections) >= self.limits.connections
            or self._per_host[host] >= self.limits.per_host
        ):
            self.refused += 1
            return False
        self._connections[str(connection.source)] = connection
        self._per_host[host] += 1
        return True

    def forget(self, connection: TcpConnection) -> None:
        """Drop a closed connection and tell who waits on it."""
        if self._connections.pop(str(connection.source), None) is None:
            return
        self._per_host[connection.source.host] -= 1
        if self._per_host[connection.source.host] <= 0:
            del self._per_host[connection.source.host]
        self.on_lost(connection.source)

    async def close(self) -> None:
        """Close listener and connections; idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in tuple(self._connections.values()):
            connection.close()
        if server is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.close_s):
                await server.wait_closed()
        for connection in tuple(self._connections.values()):  # peers that do not read
            connection.abort()


class TcpConnection(asyncio.Protocol):
    """One connection: frames what arrives, closes what is too slow, too large or broken."""

    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._keep_until = 0.0
        self.source = Source(transport="tcp", host="", port=0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the peer and start the clock; one too many is cut off at once."""
        self._transport = transport  # type: ignore[assignment] # asyncio gives streams a Transport
        peer = transport.get_extra_info("peername") or ("", 0)
        self.source = Source(transport="tcp", host=plain_host(peer[0]), port=peer[1])
        if not self._port.admit(self):
            self.abort()
            return
        self._set_deadline(self._port.limits.partial_s)

    def data_received(self, data: bytes) -> None:
        """Hand on each complete message."""
        had_partial = self._framer.has_partial
        items = self._framer.feed(data)
        for item in items:
            self._port.on_item(item, self)
        if self._framer.is_broken:
            self.close()
        elif not self._framer.has_partial:
            self._set_deadline(self._port.limits.idle_s)
        elif items or not had_partial:  # dripping bytes do not buy more time
            self._set_deadline(self._port.limits.partial_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
        self._port.forget(self)

    def send(self, data: bytes) -> bool:
        """Send; a peer that does not read is cut off. Raises ConnectionError when closed."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("connection of the phone is closed")
        transport.write(data)
        if transport.get_write_buffer_size() > self._port.limits.unread_bytes:
            self.abort()
            raise ConnectionResetError("the phone does not read from its connection")
        return True

    def keep(self, seconds: float) -> None:
        """Keep the connection as long as the binding that came over it."""
        self._keep_until = self._loop.time() + seconds
        self._set_deadline(seconds)

    def close(self) -> None:
        """Close after what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._rearm()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._check)

    def _check(self) -> None:
        self._timer = None
        if not self._framer.has_partial:
            self._deadline = max(self._deadline, self._keep_until)
        if self._loop.time() >= self._deadline:
            self.abort()
        else:
            self._rearm()
