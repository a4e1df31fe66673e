"""Accepts connections; a plain request that is there already is answered on the doorstep.

A phone opens a connection for each file and closes it after the answer. Nothing has to be made for
that: with TCP_DEFER_ACCEPT the kernel tells of a connection when its request has come (tcp(7)), so
it is accepted, read, answered and closed at once. All others become connections of the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from offhook.certificate import Certificate
from offhook.handshakes import LEFT, OncePerMinute, explain_tls
from offhook.tasks import spawn
from offhook.web import protocol
from offhook.web.front_protocol import FrontProtocol, House, Opening
from offhook.web.head import HEAD_MAX_BYTES
from offhook.web.peer import plain_address
from offhook.web.protocol import BUSY
from offhook.web.readers import Readers
from offhook.web.secure import SecureTransport, local_end

AT_ONCE = 64
"""Connections accepted in a row, so that those that are open have their turn."""

HANDSHAKES_AT_ONCE = 8
"""A handshake costs as much as a dozen answers."""

DEFER_S = 1
"""How long the kernel waits for a request before it tells of a connection without one."""

READ_BYTES = HEAD_MAX_BYTES + 1
REST_S = 1.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_OLDER = 'or set server.tls_minimum to "1.0"'
_log = logging.getLogger("offhook.web")


@dataclass(slots=True, eq=False)
class Tls:
    """What makes HTTP HTTPS; `on_failed` is told address and reason of a failed handshake."""

    certificate: Certificate
    on_failed: Callable[[str, str], None]
    _told: OncePerMinute = field(default_factory=OncePerMinute)

    def fail(self, host: str, reason: str) -> None:
        """Tell of a failed handshake, once a minute for an address."""
        if self._told.is_due(host, time.monotonic()):
            _log.warning("no HTTPS with %s: %s", host, reason)
            self.on_failed(host, reason)


@dataclass(slots=True, eq=False)
class Door:
    """One listening socket and its loop."""

    house: House
    listening: socket.socket
    loop: asyncio.AbstractEventLoop
    tls: Tls | None = None
    readers: Readers | None = None
    """For the sockets of HTTPS, in place of the loop's own."""

    _shaking: dict[SecureTransport, float] = field(default_factory=dict)  # until when each may
    _is_open: bool = field(default=True)

    def open(self) -> None:
        """Begin to accept."""
        if self._is_open:
            self.loop.add_reader(self.listening.fileno(), self._accept)

    def close(self) -> None:
        """Accept those that are waiting, and no more; idempotent."""
        if self._is_open:
            self._accept()
            self._is_open = False
            self.loop.remove_reader(self.listening.fileno())

    def _accept(self) -> None:
        for _ in range(AT_ONCE if self.tls is None else HANDSHAKES_AT_ONCE):
            try:
                # What `accept` does, without an object that is not needed.
                handle, peer = self.listening._accept()  # type: ignore[attr-defined]
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            try:
                if self.tls is None:
                    self._meet(handle, peer)
                else:
                    self._begin_secure(handle, peer, self.tls)
            except OSError:  # the caller is gone
                with contextlib.suppress(OSError):
                    os.close(handle)

    def _rest(self, error: OSError) -> None:
        """Wait until others have closed something: the kernel would tell of it without an end."""
        if error.errno not in _EXHAUSTED:
            raise error
        _log.error("no connection can be accepted for %g s: %s", REST_S, error.strerror)
        self.loop.remove_reader(self.listening.fileno())
        self.loop.call_later(REST_S, self.open)

    def _meet(self, handle: int, peer: tuple[str, int]) -> None:
        """Answer, or begin a connection. Raises OSError with the handle still open."""
        os.set_blocking(handle, False)
        try:
            data = os.read(handle, READ_BYTES)
        except BlockingIOError:
            self._begin(handle, Opening())
            return
        if not data:
            self._begin(handle, Opening(has_ended=True))
            return
        answered = self.house.again(data, peer)
        if answered is not None:
            self._say(handle, answered[0], keeps_alive=answered[1])
        elif not self.house.put_off(data, partial(self._answer, handle, data, peer)):
            self._say(handle, BUSY, keeps_alive=False)

    def _answer(self, handle: int, data: bytes, peer: tuple[str, int]) -> None:
        """Answer in its turn, or begin a connection."""
        try:
            answered = self.house.first(data, peer, partial(local_end, handle))
            if answered is None:
                self._begin(handle, Opening(heard=data))
            else:
                self._say(handle, answered[0], keeps_alive=answered[1])
        except OSError:  # the caller is gone
            with contextlib.suppress(OSError):
                os.close(handle)

    def _say(self, handle: int, answer: bytes, *, keeps_alive: bool) -> None:
        try:
            sent = os.write(handle, answer)
        except BlockingIOError:
            sent = 0
        if keeps_alive or sent < len(answer):
            self._begin(handle, Opening(unsent=answer[sent:], has_ended=not keeps_alive))
        else:
            os.close(handle)

    def _begin(self, handle: int, opening: Opening) -> None:
        """Make a connection of the loop."""
        opened = socket.socket(fileno=handle)
        opened.setblocking(False)
        make = partial(FrontProtocol, self.house, opening)
        spawn(self.loop.connect_accepted_socket(make, opened), "begin a connection")

    def _begin_secure(self, handle: int, peer: tuple[str, int], tls: Tls) -> None:
        """Begin with a handshake. Raises OSError with the handle still open."""
        if len(self._shaking) >= protocol.CONNECTIONS_MAX:
            raise ConnectionAbortedError
        context = tls.certificate.context()
        readers = self.readers or self.loop
        secure = SecureTransport(
            self.loop, readers, handle, peer[:2], context, self._welcome, self._part
        )
        self._shaking[secure] = self.loop.time() + protocol.REQUEST_TIMEOUT_S
        secure.begin()

    def _welcome(self, secure: SecureTransport) -> FrontProtocol:
        del self._shaking[secure]
        return FrontProtocol(self.house)

    def _part(self, secure: SecureTransport, error: ssl.SSLError | None) -> None:
        del self._shaking[secure]
        if self.tls is not None:
            reason = LEFT
            if error is not None and not isinstance(error, ssl.SSLEOFError):
                reason = explain_tls(error, "HTTP", _OLDER)
            self.tls.fail(plain_address(secure.peer[0]), reason)

    def sweep(self) -> None:
        """Give up handshakes that take too long."""
        now_s = self.loop.time()
        for secure, until_s in tuple(self._shaking.items()):
            if until_s > now_s:
                return  # they began in this order
            secure.give_up()

    def hang_up(self) -> None:
        """End those whose handshake is not done."""
        for secure in tuple(self._shaking):
            secure.abort()
        self._shaking.clear()


def defer_accept(listening: socket.socket) -> None:
    """Let the kernel wait for the request, where it can."""
    with contextlib.suppress(OSError, AttributeError):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_S)
