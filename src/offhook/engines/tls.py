"""TLS for SIP: a listener beside TCP's, with the same limits. RFC 3261 §26.3.1, RFC 5246, RFC 8446.

The handshake runs over memory buffers (`ssl.SSLObject`), so that a connection is counted, timed and
explained from its first byte; asyncio's own TLS tells nothing of a handshake that failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable

from offhook.certificate import Certificate
from offhook.engines.tcp import Listener, TcpConnection, TcpPort
from offhook.handshakes import LEFT, OncePerMinute, explain_tls

_log = logging.getLogger("offhook.sip")

_READ_BYTES = 65_536

OnFailed = Callable[[str, str], None]
"""Told the address and the reason of a failed handshake."""


class TlsPort:
    """The TLS listener; its connections live among those of the TCP port, under its limits."""

    def __init__(self, pool: TcpPort, certificate: Certificate, on_failed: OnFailed) -> None:
        self.port = 0
        self.counters: Counter[str] = Counter({"tls_handshakes": 0, "tls_failed": 0})
        self._pool = pool
        self._certificate = certificate
        self._on_failed = on_failed
        self._told = OncePerMinute()
        self._listener: Listener | None = None

    async def listen(self, host: str, port: int) -> None:
        """Bind and listen. Raises OSError that names the setting as its file name."""
        problem = self._certificate.load()
        if problem is not None:
            raise OSError(None, problem.message, problem.key)
        try:
            self._listener = await Listener.open(
                host, port, lambda: TlsConnection(self._pool, self, self._certificate.context())
            )
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), "sip.tls_port") from None
        self.port = self._listener.port

    async def serve(self) -> None:
        """Begin to accept."""
        if self._listener is not None:
            await self._listener.serve()

    def close(self) -> None:
        """Accept nothing more; the connections are closed by the TCP port. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def note_failure(self, host: str, reason: str) -> None:
        """Count a failed handshake; its address is told at most once a minute."""
        self.counters["tls_failed"] += 1
        if self._told.is_due(host, time.monotonic()):
            _log.warning("no TLS with %s: %s", host, reason)
            self._on_failed(host, reason)


class TlsConnection(TcpConnection):
    """A connection whose bytes are TLS records; SIP begins after the handshake."""

    transport_name = "tls"

    def __init__(self, pool: TcpPort, port: TlsPort, context: ssl.SSLContext) -> None:
        super().__init__(pool)
        self._tls_port = port
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arrived, self._leaving, server_side=True)
        self._is_secure = False
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the handshake."""
        super().connection_made(transport)
        if transport.is_closing():
            self._is_over = True  # one too many: that is no failed handshake
        else:
            self._read_within(self._limits.handshake_s)

    def data_received(self, data: bytes) -> None:
        """Take records; what they held goes the way of TCP's bytes."""
        if self._is_over:
            return
        self._arrived.write(data)
        try:
            if not self._is_secure:
                self._shake_hands()
            pieces = self._read()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._fail(explain_tls(error))
            return
        self._flush()
        if pieces:
            super().data_received(pieces)
        if self._is_over:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a peer that left in the middle of the handshake."""
        if not self._is_secure and not self._is_over:
            self._is_over = True
            self._tls_port.note_failure(
                self.source.host,
                LEFT,
            )
        super().connection_lost(exc)

    def close(self) -> None:
        """Say goodbye (close_notify) and close."""
        self._is_over = True
        if self._is_secure:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
        super().close()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._is_secure = True
        self._tls_port.counters["tls_handshakes"] += 1
        self._read_within(self._limits.partial_s)

    def _read(self) -> bytes:
        """Decrypt everything that is there; a goodbye ends the connection after it."""
        pieces = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self._tls.read(_READ_BYTES):
                pieces.append(piece)
            self._is_over = True
        return b"".join(pieces)

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        if not self._is_secure or self._is_over:
            raise ConnectionResetError("connection of the phone is closed")
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self.abort()
            raise ConnectionResetError(f"TLS with the phone failed: {explain_tls(error)}") from None
        self._flush()

    def _flush(self) -> None:
        """Send what TLS has to say; a peer that does not read that either is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing() or not self._leaving.pending:
            return
        transport.write(self._leaving.read())
        if transport.get_write_buffer_size() > self._limits.unread_bytes:
            self.abort()

    def _fail(self, reason: str) -> None:
        was_secure, self._is_over = self._is_secure, True
        if not was_secure:
            self._tls_port.note_failure(self.source.host, reason)
        self._flush()  # the alert that tells the peer
        TcpConnection.close(self)

    def _check(self) -> None:
        if not self._is_secure and not self._is_over and self._loop.time() >= self._ends_at:
            self._is_over = True
            self._tls_port.note_failure(self.source.host, "the handshake took too long")
        super()._check()
