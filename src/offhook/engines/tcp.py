"""TCP for SIP: a listener, all connections, and what a connection may cost. RFC 3261 §18."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from offhook.engines.udp import address_family, plain_host
from offhook.sip.bindings import Source
from offhook.sip.message import KeepAlive, Message, Verdict
from offhook.sip.stream import Framer

_BACKLOG = 1024
OnItem = Callable[[Message | Verdict | KeepAlive, "TcpConnection"], None]
OnLost = Callable[[Source], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpLimits:
    """Limits of the listener: connections in all and per host, and seconds.

    `partial_s` for a message that has begun, and for the first one; `idle_s` without a binding,
    where pings do not count. A connection that a binding came over lives as long as the binding.
    `handshake_s` for a TLS handshake; `unread_s` for a peer that leaves 64 kB unread, and at
    `unread_bytes` it is cut off at once.
    """

    connections: int = 4096
    per_host: int = 512
    partial_s: float = 10.0
    handshake_s: float = 10.0
    idle_s: float = 120.0
    unread_bytes: int = 262_144
    unread_s: float = 20.0
    dial_s: float = 3.0
    close_s: float = 1.0


class TcpPort:
    """A listening socket and the connections of all streams by source.

    `is_known` says whether a host has a registered phone: it gets in though strangers have filled
    the room, in the place of the oldest stranger.
    """

    def __init__(
        self,
        limits: TcpLimits,
        on_item: OnItem,
        on_lost: OnLost,
        is_known: Callable[[str], bool] = lambda host: False,
    ) -> None:
        self.limits = limits
        self.on_item = on_item
        self.on_lost = on_lost
        self.refused = 0
        self.evicted = 0
        self.port = 0
        self._is_known = is_known
        self._is_stopped = False
        self._listener: Listener | None = None
        self._connections: dict[str, TcpConnection] = {}
        self._per_host: Counter[str] = Counter()
        self._strangers: dict[str, dict[TcpConnection, None]] = {}

    def __len__(self) -> int:
        return len(self._connections)

    async def listen(self, host: str, port: int) -> None:
        """Bind and listen. Raises OSError when the port is taken."""
        self._is_stopped = False
        self._listener = await Listener.open(host, port, lambda: TcpConnection(self))
        self.port = self._listener.port

    async def serve(self) -> None:
        """Begin to accept."""
        if self._listener is not None:
            await self._listener.serve()

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
        if self._is_stopped:
            return False
        host = connection.source.host
        is_host_full = self._per_host[host] >= self.limits.per_host
        if is_host_full or len(self._connections) >= self.limits.connections:
            victim = self._evictable(host if is_host_full else "") if self._is_known(host) else None
            if victim is None:
                self.refused += 1
                return False
            self.evicted += 1
            victim.abort()
            self.forget(victim)
        self._connections[str(connection.source)] = connection
        self._per_host[host] += 1
        self._strangers.setdefault(host, {})[connection] = None
        return True

    def trust(self, connection: TcpConnection) -> None:
        """Never close this one in favour of another: a phone has registered over it."""
        host = connection.source.host
        own = self._strangers.get(host)
        if own is not None:
            own.pop(connection, None)
            if not own:
                del self._strangers[host]

    def forget(self, connection: TcpConnection) -> None:
        """Drop a closed connection and tell who waits on it."""
        if self._connections.get(str(connection.source)) is not connection:
            return
        del self._connections[str(connection.source)]
        self.trust(connection)
        self._per_host[connection.source.host] -= 1
        if self._per_host[connection.source.host] <= 0:
            del self._per_host[connection.source.host]
        self.on_lost(connection.source)

    async def close(self) -> None:
        """Close listener and connections; idempotent."""
        self._is_stopped = True  # what was accepted at this very moment is not taken in
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        for connection in tuple(self._connections.values()):
            connection.close()
        if listener is None:
            return
        await listener.closed(self.limits.close_s)
        for connection in tuple(self._connections.values()):  # peers that do not read
            connection.abort()

    def _evictable(self, host: str) -> TcpConnection | None:
        """Find the oldest stranger of a host; without one, of the host with the most of them."""
        if not host:
            host = max(self._strangers, key=lambda name: len(self._strangers[name]), default="")
        return next(iter(self._strangers.get(host, ())), None)


class Listener:
    """A listening socket; what it accepts becomes a protocol of its own.

    Who connects before `serve` is called waits in the kernel.
    """

    def __init__(self, server: asyncio.Server, port: int) -> None:
        self.port = port
        self._server = server

    @classmethod
    async def open(cls, host: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> Listener:
        """Bind and listen. Raises OSError when the port is taken."""
        listening = socket.socket(address_family(host), socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(_BACKLOG)
            server = await asyncio.get_running_loop().create_server(
                protocol, sock=listening, backlog=_BACKLOG, start_serving=False
            )
        except OSError:
            listening.close()
            raise
        return cls(server, int(listening.getsockname()[1]))

    async def serve(self) -> None:
        """Begin to accept."""
        await self._server.start_serving()

    def close(self) -> None:
        """Accept nothing more."""
        self._server.close()

    async def closed(self, timeout_s: float) -> None:
        """Wait until what it accepted is closed, but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._server.wait_closed()


class TcpConnection(asyncio.Protocol):
    """One connection: frames what arrives, closes what is too slow, too large or broken."""

    transport_name = "tcp"

    def __init__(self, port: TcpPort) -> None:
        self.source = Source(transport=self.transport_name, host="", port=0)
        self._port = port
        self._limits = port.limits
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = 0.0
        self._read_by = math.inf
        self._write_by = math.inf
        self._keep_until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the peer and start the clock; one too many is cut off at once."""
        self._transport = transport  # type: ignore[assignment] # asyncio gives streams a Transport
        peer = transport.get_extra_info("peername") or ("", 0)
        self.source = Source(transport=self.transport_name, host=plain_host(peer[0]), port=peer[1])
        if not self._port.admit(self):
            self.abort()
            return
        self._read_within(self._limits.partial_s)

    def data_received(self, data: bytes) -> None:
        """Hand on each complete message."""
        had_partial = self._framer.has_partial
        items = self._framer.feed(data)
        for item in items:
            self._port.on_item(item, self)
        if self._framer.is_broken:
            self.close()
        elif self._framer.has_partial:
            if items or not had_partial:  # dripping bytes do not buy more time
                self._read_within(self._limits.partial_s)
        elif any(not isinstance(item, KeepAlive) for item in items):
            self._read_within(self._limits.idle_s)

    def pause_writing(self) -> None:
        """Give a peer that does not read a little time."""
        self._write_within(self._limits.unread_s)

    def resume_writing(self) -> None:
        """Forget that: it reads."""
        self._write_by = math.inf

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._port.forget(self)

    def send(self, data: bytes) -> bool:
        """Send; a peer that does not read is cut off. Raises ConnectionError when closed."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("connection of the phone is closed")
        self._write(transport, data)
        if transport.get_write_buffer_size() > self._limits.unread_bytes:
            self.abort()
            raise ConnectionResetError("the phone does not read from its connection")
        return True

    def keep(self, seconds: float) -> None:
        """Keep the connection as long as the binding that came over it."""
        self._keep_until = self._loop.time() + seconds
        self._port.trust(self)

    def close(self) -> None:
        """Close after what was written has left, which a peer that does not read cannot delay."""
        if self._transport is not None and not self._transport.is_closing():
            self._write_within(self._limits.close_s)
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        transport.write(data)

    def _read_within(self, seconds: float) -> None:
        self._read_by = self._loop.time() + seconds
        self._plan()

    def _write_within(self, seconds: float) -> None:
        self._write_by = min(self._write_by, self._loop.time() + seconds)
        self._plan()

    @property
    def _ends_at(self) -> float:
        is_kept = not self._framer.has_partial
        read_by = max(self._read_by, self._keep_until) if is_kept else self._read_by
        return min(read_by, self._write_by)

    def _plan(self) -> None:
        ends_at = self._ends_at
        if self._timer is not None:
            if self._looks_at <= ends_at:  # looks again then; most deadlines only move on
                return
            self._timer.cancel()
        self._looks_at = ends_at
        self._timer = self._loop.call_at(ends_at, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._loop.time() >= self._ends_at:
            self.abort()
        else:
            self._plan()
