"""One connection of HTTPS on the loop: read, shake hands, answer, close, without a task.

The loop's own TLS takes five turns for a handshake, and one for each thing said after it. Here a
handshake is two readings of the socket, and what is said last goes out with the farewell.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from offhook.web.readers import Readers

READ_BYTES = 16 * 1024
"""What a record holds at most (RFC 8446 §5.1)."""

WRITE_HIGH_BYTES = 64 * 1024
"""Above it the protocol is asked to pause, below a quarter to go on, as asyncio does."""

_NOT_NOW = (BlockingIOError, InterruptedError)


class SecureTransport(asyncio.Transport):
    """Shakes hands as a server, then carries the bytes of a protocol. Used from the loop only.

    It owns `handle`, an accepted socket. `make` gives the protocol once the handshake is done;
    `on_failed` is told why it was not, with None when the caller left or was slow.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        readers: Readers,
        handle: int,
        peer: tuple[str, int],
        context: ssl.SSLContext,
        make: Callable[[SecureTransport], asyncio.Protocol],
        on_failed: Callable[[SecureTransport, ssl.SSLError | None], None],
    ) -> None:
        super().__init__()
        os.set_blocking(handle, False)
        self._loop = loop
        self._readers = readers
        self._handle = handle
        self.peer = peer
        self._heard, self._said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._heard, self._said, server_side=True)
        self._make = make
        self._on_failed = on_failed
        self._protocol: asyncio.Protocol | None = None
        self._unsent = bytearray()
        self._is_reading = False
        self._is_gathering = False  # what is said until it ends goes out together
        self._is_told_to_pause = False
        self._is_closing = False
        self._is_lost = False

    # --- handshake -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Shake hands; the caller's first words may be there already."""
        self.resume_reading()
        self._hear()

    def give_up(self) -> None:
        """End a handshake that takes too long."""
        if self._protocol is None and not self._is_lost:
            self._fail(None)

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._flush()  # the alert that says why
            self._fail(error)
            return
        self._protocol = self._make(self)
        self._protocol.connection_made(self)
        # Both go out with the answer, where the request came with the end of the handshake: the
        # tickets of RFC 8446 §4.6.1, and what the protocol says.
        self._take()

    def _fail(self, error: ssl.SSLError | None) -> None:
        self._end()
        self._on_failed(self, error)

    # --- reading ---------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            data = os.read(self._handle, READ_BYTES)
        except _NOT_NOW:
            return
        except OSError as error:
            self._break(error)
            return
        if data:
            self._heard.write(data)
        else:
            self._heard.write_eof()
            self.pause_reading()
        if self._protocol is None:
            self._shake_hands()
        else:
            self._take()

    def _take(self) -> None:
        """Give the protocol all that was heard, and send what it says to that."""
        self._is_gathering = True
        try:
            while self._protocol is not None and not self._is_closing:
                data = self._tls.read(READ_BYTES)
                if not data:
                    self._hear_end(self._protocol)
                    break
                self._protocol.data_received(data)
                if not (self._is_reading and self._is_more_there()):
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._break(error)
        finally:
            self._is_gathering = False
            self._flush()

    def _is_more_there(self) -> bool:
        """Look before reading: an error that says there is nothing costs as much as an answer."""
        return bool(self._heard.pending or self._tls.pending())

    def _hear_end(self, protocol: asyncio.Protocol) -> None:
        # RFC 8446 §6.1: the end of what it says is not the end of what it hears.
        self.pause_reading()
        if not protocol.eof_received():
            self.close()

    def is_reading(self) -> bool:
        """Tell whether the protocol is given what comes."""
        return self._is_reading

    def pause_reading(self) -> None:
        """Leave what comes to the kernel; idempotent."""
        if self._is_reading:
            self._is_reading = False
            self._readers.remove_reader(self._handle)

    def resume_reading(self) -> None:
        """Give the protocol what comes; idempotent."""
        if not self._is_reading and not self._is_closing:
            self._is_reading = True
            self._readers.add_reader(self._handle, self._hear)
            if self._is_more_there():
                self._loop.call_soon(self._take)

    # --- writing ---------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send what the socket takes now, the rest when it can."""
        if self._is_closing or not data:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._break(error)
            return
        if not self._is_gathering:
            self._flush()

    def _flush(self) -> None:
        """Send what was said, after what waits."""
        if self._is_lost:
            return
        said = self._said.read()
        if self._unsent:
            self._unsent += said
        elif said:
            self._unsent += said[self._send(said) :]
            if self._unsent and not self._is_lost:
                self._loop.add_writer(self._handle, self._send_rest)
        if len(self._unsent) > WRITE_HIGH_BYTES and not self._is_told_to_pause and self._protocol:
            self._is_told_to_pause = True
            self._protocol.pause_writing()
        self._end_if_done()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._handle, data)
        except _NOT_NOW:
            return 0
        except OSError as error:
            self._break(error)
            return 0

    def _send_rest(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if self._is_lost:
            return
        if self._is_told_to_pause and len(self._unsent) <= WRITE_HIGH_BYTES // 4 and self._protocol:
            self._is_told_to_pause = False
            self._protocol.resume_writing()
        if not self._unsent:
            self._loop.remove_writer(self._handle)
            self._end_if_done()

    def get_write_buffer_size(self) -> int:
        """Give how many bytes wait for the socket."""
        return len(self._unsent)

    def can_write_eof(self) -> bool:
        """Tell that one end alone cannot be closed."""
        return False

    # --- the end ---------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        """Tell whether nothing more is taken."""
        return self._is_closing

    def close(self) -> None:
        """Send what is left and the farewell, then end; idempotent."""
        if self._is_closing:
            return
        self.pause_reading()
        self._is_closing = True
        # The alert close_notify (RFC 8446 §6.1); the one that comes back is not waited for.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        if not self._is_gathering:
            self._flush()

    def abort(self) -> None:
        """End at once."""
        self._lose(None)

    def _end_if_done(self) -> None:
        if self._is_closing and not self._unsent:
            self._lose(None)

    def _break(self, error: OSError) -> None:
        """The connection is gone."""
        if self._protocol is None and not self._is_lost:
            self._fail(None)
        else:
            self._lose(error)

    def _lose(self, error: OSError | None) -> None:
        if not self._is_lost:
            self._end()
            if self._protocol is not None:
                self._loop.call_soon(self._protocol.connection_lost, error)

    def _end(self) -> None:
        self.pause_reading()
        self._is_closing = self._is_lost = True
        if self._unsent:
            self._unsent.clear()
            self._loop.remove_writer(self._handle)
        os.close(self._handle)

    # --- what it is ------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give what comes to another one from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Give who is given what comes."""
        if self._protocol is None:
            raise RuntimeError("there is none before the handshake is done")
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Give what asyncio's transports know by these names, as far as an HTTP server asks."""
        known: dict[str, Callable[[], Any]] = {
            "peername": lambda: self.peer,
            "sockname": partial(local_end, self._handle),
            "ssl_object": lambda: self._tls,
            "sslcontext": lambda: self._tls.context,
        }
        if name not in known or (name == "sockname" and self._is_lost):
            return default
        return known[name]()


def local_end(handle: int) -> tuple[str, int]:
    """Give our own end of a connection."""
    with socket.socket(fileno=os.dup(handle)) as opened:
        host, port = opened.getsockname()[:2]
    return host, port
