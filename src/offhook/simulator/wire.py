"""Where simulated phones send and hear datagrams: a socket of their own, or a few for thousands."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from offhook.engines.udp import DRAIN, RECEIVE_BUFFER_BYTES, UdpPort

Address = tuple[str, int]
OnDatagram = Callable[[bytes, str, int], None]

# ip(7): struct in_pktinfo is the interface, the local address to send from, the address asked.
_PKTINFO = struct.Struct("=I4s4s")
_IP_PKTINFO = 8
_SPACE = socket.CMSG_SPACE(_PKTINFO.size)
_LARGEST = 16 * 1024
_ANY = "0.0.0.0"  # noqa: S104 - only what is meant for a phone's address is heard
FIRST_PORT = 5070
"""A phone that comes back after a power cut comes from the port it had: so does a simulated one."""
_FIRST_ADDRESS = int(ipaddress.IPv4Address("127.64.0.1"))


class Wire(Protocol):
    """One phone's place on the network: its address and port, and how it sends from there."""

    address: str
    port: int

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram; what the system cannot send is lost, as on a network."""
        ...

    def close(self) -> None:
        """Hear nothing more; idempotent."""
        ...


OpenWire = Callable[[OnDatagram], Wire]


class OwnWire:
    """A socket for one phone, on any free port of an address. Raises OSError."""

    def __init__(self, address: str, on_datagram: OnDatagram) -> None:
        self.address = address
        self._port = UdpPort(address, 0, on_datagram)
        self._port.serve()
        self.port = self._port.port

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram."""
        with contextlib.suppress(OSError):
            self._port.send(data, *to)

    def close(self) -> None:
        """Close the socket."""
        self._port.close()


def can_share() -> bool:
    """Tell whether this system lets one socket speak for every address of its loopback."""
    return sys.platform == "linux"


def loopback_address(index: int) -> str:
    """The address of the n-th phone: 127.64.0.1 and following, which is this machine alone."""
    return str(ipaddress.IPv4Address(_FIRST_ADDRESS + index))


class SharedSockets:
    """A few UDP sockets through which thousands of phones speak, each from its own address.

    Each socket hears all addresses of this machine; which one was meant comes with the datagram
    (IP_PKTINFO, ip(7)) and chooses the phone. What is meant for nobody is dropped. Linux only.
    """

    def __init__(self, count: int) -> None:
        self._shared = [_Shared(FIRST_PORT + index) for index in range(count)]
        self._next = 0

    def open(self, address: str, on_datagram: OnDatagram) -> Wire:
        """Give an IPv4 address of the loopback its place. Raises ValueError when it has one."""
        shared = self._shared[self._next % len(self._shared)]
        self._next += 1
        return shared.open(address, on_datagram)

    def close(self) -> None:
        """Close the sockets; idempotent."""
        for shared in self._shared:
            shared.close()


class _Shared:
    def __init__(self, port: int) -> None:
        self._phones: dict[bytes, OnDatagram] = {}
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        try:
            self._socket.bind((_ANY, port))
        except OSError:  # another simulator runs
            self._socket.bind((_ANY, 0))
        self.port = int(self._socket.getsockname()[1])
        self._loop.add_reader(self._socket.fileno(), self._drain)

    def open(self, address: str, on_datagram: OnDatagram) -> _SharedWire:
        packed = socket.inet_aton(address)
        if packed in self._phones:
            raise ValueError(f"a phone speaks from {address} already")
        self._phones[packed] = on_datagram
        return _SharedWire(
            address=address,
            port=self.port,
            source=[(socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO.pack(0, packed, bytes(4)))],
            shared=self._socket,
            phones=self._phones,
        )

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _drain(self) -> None:
        receive, phones = self._socket.recvmsg, self._phones
        for _ in range(DRAIN):
            try:
                data, ancillary, _, sender = receive(_LARGEST, _SPACE)
            except OSError:  # nothing left, or an ICMP error that is nobody's here
                return
            phone = phones.get(ancillary[0][2][8:12]) if ancillary else None
            if phone is not None:
                phone(data, sender[0], sender[1])
            if self._socket.fileno() < 0:
                return


@dataclass(slots=True, kw_only=True)
class _SharedWire:
    address: str
    port: int
    source: list[tuple[int, int, bytes]]
    shared: socket.socket
    phones: dict[bytes, OnDatagram]

    def send(self, data: bytes, to: Address) -> None:
        with contextlib.suppress(OSError):
            self.shared.sendmsg([data], self.source, 0, to)

    def close(self) -> None:
        self.phones.pop(socket.inet_aton(self.address), None)
