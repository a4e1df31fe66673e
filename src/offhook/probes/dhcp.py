"""Send one DHCP DISCOVER and collect the offers. Nothing is requested, so nothing is leased."""

from __future__ import annotations

import errno
import fcntl
import secrets
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from offhook.diagnosis.probe_facts import DhcpOffer
from offhook.probes.dhcp_message import parse_offer, render_discover

SERVER_PORT, CLIENT_PORT = 67, 68
OFFERS_MAX = 16
_PACKETS_MAX = 256
_SIOCGIFADDR = 0x8915  # netdevice(7)
_REPEATS = 2
"""A server may need a second to see that an address is free: RFC 2131 §4.1 repeats after 4 s."""


class DhcpProbeError(OSError):
    """The DISCOVER could not be sent, and what to do."""


def collect_offers(interface: str, wait_s: float) -> tuple[DhcpOffer, ...]:
    """Ask on an interface and listen for a while. Raises DhcpProbeError.

    The hardware address is made up (locally administered), so that no lease of this machine is
    touched; a server keeps an address that it offered in reserve for some seconds.
    """
    hardware = bytes((0x02, *secrets.token_bytes(5)))
    transaction = secrets.randbits(32)
    try:
        with _opened(interface) as opened:
            return _exchange(opened, interface, transaction, hardware, wait_s)
    except PermissionError:
        raise DhcpProbeError(
            "sending a DHCP DISCOVER needs root: run the PBX as root, or give its service "
            "AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW"
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise DhcpProbeError(
                f"another DHCP client holds port {CLIENT_PORT} of this machine"
            ) from None
        if error.errno == errno.ENODEV:
            raise DhcpProbeError(f"this machine has no interface {interface!r}") from None
        raise DhcpProbeError(f"{interface}: {error.strerror or error}") from None


def choose_interface(address: str) -> str:
    """Name the interface that has an address, else that of the default route; empty for none."""
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    for name in names:
        if address and _address_of(name) == address:
            return name
    return _default_route(Path("/proc/net/route")) or (names[0] if len(names) == 1 else "")


def _opened(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        opened.bind(("0.0.0.0", CLIENT_PORT))  # noqa: S104 - offers are broadcast
    except BaseException:
        opened.close()
        raise
    return opened


def _exchange(
    opened: socket.socket, interface: str, transaction: int, hardware: bytes, wait_s: float
) -> tuple[DhcpOffer, ...]:
    found: dict[str, DhcpOffer] = {}
    question = render_discover(transaction, hardware)
    for _ in range(_REPEATS):
        opened.sendto(question, ("255.255.255.255", SERVER_PORT))
        ends = time.monotonic() + wait_s / _REPEATS
        for _ in range(_PACKETS_MAX):
            remaining = ends - time.monotonic()
            if remaining <= 0 or len(found) >= OFFERS_MAX:
                break
            opened.settimeout(remaining)
            try:
                packet, sender = opened.recvfrom(4096)
            except TimeoutError:
                break
            offer = parse_offer(packet, transaction, hardware, interface, sender[0])
            if isinstance(offer, DhcpOffer):
                found[offer.server] = offer
    return _sorted(list(found.values()))


def _sorted(offers: Sequence[DhcpOffer]) -> tuple[DhcpOffer, ...]:
    return tuple(sorted(offers, key=lambda offer: offer.server))


def _address_of(interface: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("256s", interface.encode()[:15])
        try:
            return socket.inet_ntoa(fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, request)[20:24])
        except OSError:
            return ""


def _default_route(table: Path) -> str:
    """The interface of the line whose destination is 0: proc(5), /proc/net/route."""
    try:
        lines = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return ""
    rows = [line.split() for line in lines]
    return next((row[0] for row in rows if len(row) > 1 and row[1] == "00000000"), "")
