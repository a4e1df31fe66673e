"""The socket under an LDAP connection: deadlines that hold, sizes that end, a hand to stop it."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time

from offhook.actions.directory_ports import DirectoryError
from offhook.directory.ldap_errors import (
    ca_file_error,
    connect_error,
    handshake_error,
    incomplete,
    network_problem,
    unreachable,
)
from offhook.directory.ldap_settings import LdapServer, LdapTimeouts

MESSAGE_LIMIT = 16 * 1024 * 1024
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of one message, and of all messages that answer one request (a page)."""
_CHUNK = 16 * 1024


class Wire:
    """What ldap3 takes for its socket; one thread uses it, any thread may `abort` it.

    ldap3 wraps every error of a socket in its own; the true one is kept in `failure`.
    """

    def __init__(self, server: LdapServer, timeouts: LdapTimeouts) -> None:
        self._server = server.name
        self._address = (server.host, server.port)
        self._timeouts = timeouts
        self._socket: socket.socket | None = None
        self._is_aborted = False
        self._answered_bytes = 0
        self._deadline = 0.0
        self._meter = MessageMeter(MESSAGE_LIMIT)
        self.failure: DirectoryError | None = None

    def connect(self) -> None:
        """Connect, to each address of the name in turn."""
        try:
            self._socket = socket.create_connection(self._address, self._timeouts.connect_s)
        except UnicodeError as error:  # no label of a name is empty or above 63 octets
            raise unreachable(self._server, "its name is not a host name") from error
        except OSError as error:
            raise connect_error(self._server, error) from error

    def secure(self, context: ssl.SSLContext, host: str) -> bytes:
        """Shake hands within the connect deadline; give the server's certificate (DER)."""
        try:
            secured = context.wrap_socket(
                self._open_socket(), server_hostname=host, do_handshake_on_connect=False
            )
            self._socket = secured
            self._open_socket()  # an abort until here met the socket that is no more
            secured.settimeout(self._timeouts.connect_s)
            secured.do_handshake()
        except OSError as error:
            raise handshake_error(self._server, error) from error
        self._meter = MessageMeter(MESSAGE_LIMIT)
        return secured.getpeercert(binary_form=True) or b""

    def sendall(self, data: bytes) -> None:
        """Send a request; the deadline of its answer begins."""
        self._answered_bytes = 0
        self._deadline = time.monotonic() + self._timeouts.message_s
        try:
            opened = self._open_socket()
            opened.settimeout(self._timeouts.message_s)
            opened.sendall(data)
        except OSError as error:
            raise self._fail(unreachable(self._server, network_problem(error))) from error

    def recv(self, size: int) -> bytes:
        """Give some bytes; more than ldap3 asks for, which saves it half of its time.

        Each message has its own deadline, however slowly its bytes drop in.
        """
        size = max(size, _CHUNK)
        remaining = self._deadline - time.monotonic()
        try:
            if remaining <= 0:
                raise TimeoutError  # noqa: TRY301 - one place says what a timeout means
            opened = self._open_socket()
            opened.settimeout(remaining)
            data = opened.recv(size)
        except TimeoutError as error:
            problem = f"no answer for {self._timeouts.message_s:g} s"
            raise self._fail(unreachable(self._server, problem)) from error
        except OSError as error:
            raise self._fail(unreachable(self._server, network_problem(error))) from error
        if not data:
            self.failure = unreachable(self._server, "connection closed by the server")
        self._measure(data)
        return data

    def shutdown(self, how: int) -> None:
        """End the connection under the reader."""
        # not SSLSocket.shutdown: that one takes TLS away first, from under the reader
        if self._socket is not None:
            socket.socket.shutdown(self._socket, how)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def abort(self) -> None:
        """Make the thread that waits here wake up with an error; from any thread."""
        self._is_aborted = True
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def _open_socket(self) -> socket.socket:
        if self._socket is None or self._is_aborted:
            raise ConnectionAbortedError(errno.ECONNABORTED, "stopped")
        return self._socket

    def _measure(self, data: bytes) -> None:
        self._answered_bytes += len(data)
        if self._answered_bytes > ANSWER_LIMIT:
            raise self._fail(incomplete(self._server, f"a page of more than {ANSWER_LIMIT} bytes"))
        try:
            if self._meter.feed(data):
                self._deadline = time.monotonic() + self._timeouts.message_s
        except ValueError as error:
            raise self._fail(incomplete(self._server, str(error))) from error

    def _fail(self, error: DirectoryError) -> OSError:
        self.failure = error
        return ConnectionAbortedError(str(error))


class MessageMeter:
    """Follows the borders of LDAP messages in a stream of bytes. RFC 4511 §5.1, X.690 §8.1."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = b""
        self._left = 0

    def feed(self, data: bytes) -> int:
        """Count the messages that end within `data`.

        Raises ValueError for what is no LDAP message and for one above the limit.
        """
        ended, at = 0, 0
        while at < len(data):
            if self._left == 0:
                self._head += data[at : at + 1]
                at += 1
                self._left = self._begin()
            else:
                taken = min(self._left, len(data) - at)
                at += taken
                self._left -= taken
                ended += self._left == 0
        return ended

    def _begin(self) -> int:
        head = self._head
        if head[0] != 0x30:
            raise ValueError("an answer that is not LDAP")
        if len(head) < 2:
            return 0
        octets = head[1] & 0x7F if head[1] & 0x80 else 0
        if octets > 4 or head[1] == 0x80:
            raise ValueError("an answer that is not LDAP")
        if len(head) < 2 + octets:
            return 0
        size = int.from_bytes(head[2:], "big") if octets else head[1]
        if not 0 < size <= self._limit:
            raise ValueError(f"a message of {size} bytes")
        self._head = b""
        return size


def tls_context(server: str, ca_file: str, *, is_verified: bool) -> ssl.SSLContext:
    """Make the terms of TLS: 1.2 or later, the chain and the name (or address) checked.

    Not `ssl.create_default_context`: from Python 3.13 on that refuses authorities without a key
    identifier, which many an old domain has.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise ca_file_error(server, ca_file, error) from error
    else:
        context.load_default_certs()
    return context
