"""HTTP for thousands of phones in one process: one small protocol a connection, TLS if need be."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from offhook.engines.udp import address_family
from offhook.simulator.http_answer import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    Fetched,
    FetchError,
    body_length,
    parse_head,
)

# ip(7), Linux: the port is chosen at connect, when the other end is known.
_IP_BIND_ADDRESS_NO_PORT = 24
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server is: its address looked up, what stands in Host, TLS or none, and a path."""

    address: str
    port: int
    host: str
    path: str
    tls: ssl.SSLContext | None = None

    @property
    def host_header(self) -> str:
        """The value of Host."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{name}:{self.port}"


async def find_place(url: str) -> Place:
    """Look a URL's server up. Raises ValueError for no http(s):// URL, OSError for no address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no http:// or https:// URL")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    return Place(
        address=str(found[0][4][0]),
        port=port,
        host=parts.hostname,
        path=parts.path or "/",
        tls=phone_tls() if parts.scheme == "https" else None,
    )


def phone_tls() -> ssl.SSLContext:
    """TLS as phones speak it that were not told whom to trust: any certificate will do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class HttpLink:
    """One client's way to a server: a connection for each request, or one that is kept.

    `source` is the address it asks from, empty for the usual one. One request at a time.
    """

    __slots__ = ("_keeps", "_kept", "_place", "_source")

    def __init__(self, place: Place, *, source: str = "", keeps: bool = False) -> None:
        self._place = place
        self._source = source
        self._keeps = keeps
        self._kept: _Connection | None = None

    async def ask(
        self,
        target: str,
        headers: Iterable[tuple[str, str]],
        *,
        timeout_s: float,
        method: str = "GET",
        body: bytes = b"",
    ) -> Fetched:
        """Ask for a path as it stands. Raises FetchError."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._place.host_header}"]
        lines += [f"{key}: {value}" for key, value in headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        lines.append("Connection: " + ("keep-alive" if self._keeps else "close"))
        data = "\r\n".join((*lines, "", "")).encode("utf-8") + body
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(data, is_bodiless=method == "HEAD")
        except TimeoutError:
            self.close()
            raise FetchError(f"no answer in {timeout_s:g} seconds") from None
        except OSError as error:
            raise FetchError(error.strerror or str(error)) from None

    def close(self) -> None:
        """Close the connection that is kept; idempotent."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    async def _exchange(self, data: bytes, *, is_bodiless: bool) -> Fetched:
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_open:
            with contextlib.suppress(FetchError):  # it was closed while nobody asked: once more
                return await self._through(kept, data, is_bodiless=is_bodiless)
        fresh = await _connect(self._place, self._source)
        return await self._through(fresh, data, is_bodiless=is_bodiless)

    async def _through(self, connection: _Connection, data: bytes, *, is_bodiless: bool) -> Fetched:
        try:
            answer = await connection.ask(data, is_bodiless=is_bodiless)
        except BaseException:
            connection.close()
            raise
        if self._keeps and connection.is_open and connection.can_go_on:
            self._kept = connection
        else:
            connection.close()
        return answer


async def _connect(place: Place, source: str) -> _Connection:
    loop = asyncio.get_running_loop()
    own = socket.socket(address_family(place.address), socket.SOCK_STREAM)
    try:
        own.setblocking(False)
        if source:
            with contextlib.suppress(OSError):
                own.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            own.bind((source, 0))
        await _reach(own, (place.address, place.port))
        _, connection = await loop.create_connection(
            _Connection,
            sock=own,
            ssl=place.tls,
            server_hostname=place.host if place.tls else None,
        )
    except BaseException:
        own.close()
        raise
    return connection


async def _reach(own: socket.socket, to: tuple[str, int]) -> None:
    """Connect; on the loopback that is done before one could wait for it."""
    with contextlib.suppress(BlockingIOError):
        own.connect(to)
    try:
        own.getpeername()
    except OSError:
        await asyncio.get_running_loop().sock_connect(own, to)


class _Connection(asyncio.Protocol):
    """Writes a request, reads its answer."""

    __slots__ = (
        "_answer",
        "_buffer",
        "_head",
        "_is_bodiless",
        "_length",
        "_transport",
        "can_go_on",
        "is_open",
    )

    def __init__(self) -> None:
        self.is_open = False
        self.can_go_on = False
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Fetched] | None = None
        self._is_bodiless = False
        self._reset()

    def _reset(self) -> None:
        self._buffer = b""
        self._head: tuple[int, dict[str, str]] | None = None
        self._length: int | None = None

    async def ask(self, data: bytes, *, is_bodiless: bool) -> Fetched:
        """Send a request, give its answer. Raises FetchError."""
        if self._transport is None or not self.is_open:
            raise FetchError("the connection was closed")
        self._reset()
        self._is_bodiless = is_bodiless
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await self._answer

    def close(self) -> None:
        """Close at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a stream endpoint gives one
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer that ends with the connection; any other broke off."""
        self.is_open = False
        if self._answer is None or self._answer.done():
            return
        if self._head is not None and self._length is None:
            self._finish()
        else:
            why = f": {getattr(exc, 'strerror', None) or exc}" if exc else ""
            self._answer.set_exception(FetchError(f"the answer broke off{why}"))

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._answer is None or self._answer.done():
            return
        try:
            self._read()
        except FetchError as error:
            self._answer.set_exception(error)

    def _read(self) -> None:
        if self._head is None:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                if len(head) > MAX_HEAD_BYTES:
                    raise FetchError("the answer's head does not end")
                return
            self._head = parse_head(head + end)
            self._buffer = rest
            is_empty = self._is_bodiless or self._head[0] in _BODILESS
            self._length = 0 if is_empty else body_length(self._head[1])
        if self._length is not None and len(self._buffer) >= self._length:
            self._finish()
        elif len(self._buffer) > MAX_BODY_BYTES:
            raise FetchError("the answer's body does not end")

    def _finish(self) -> None:
        if self._head is None or self._answer is None:
            return
        status, headers = self._head
        body = self._buffer if self._length is None else self._buffer[: self._length]
        self.can_go_on = (
            self._length is not None and headers.get("connection", "").lower() != "close"
        )
        self._answer.set_result(Fetched(status=status, headers=headers, body=body))
