"""Requests too large for a datagram go over TCP where the phone takes that. RFC 3261 §18.1.1."""

from __future__ import annotations

from collections import OrderedDict

from offhook.sip.flow import Outbound
from offhook.sip.uri import SipUri, parse_uri

MAX_DATAGRAM_BYTES = 1300
"""The size from which a request goes over a stream when the path's MTU is not known."""

_CAPACITY = 4096
_VIA = b"\r\nVia: SIP/2.0/UDP "
_Owner = tuple[str, str, str, int]


def is_large(outbound: Outbound) -> bool:
    """Say whether this is a request for a phone on UDP that a datagram should not carry."""
    return (
        len(outbound.data) > MAX_DATAGRAM_BYTES
        and outbound.flow.transport == "udp"
        and not outbound.data.startswith(b"SIP/2.0 ")
    )


def over_tcp(data: bytes) -> bytes:
    """Name TCP in our Via, the first header of each request of ours; the port is the same."""
    return data.replace(_VIA, _VIA.replace(b"UDP", b"TCP"), 1)


def branch_of(data: bytes) -> bytes:
    """Give the branch of our Via, empty when there is none."""
    _, _, rest = data.partition(_VIA)
    line, _, _ = rest.partition(b"\r\n")
    _, _, branch = line.partition(b";branch=")
    return branch.partition(b";")[0]


class LargeRequests:
    """Which connection belongs to which contact, and which transactions went over one.

    A connection is a contact's once an authenticated request with that Contact came over it. The
    address alone does not tell: several phones share one behind NAT.
    """

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._connections: OrderedDict[_Owner, str] = OrderedDict()
        self._moved: OrderedDict[bytes, str] = OrderedDict()
        self._sources: set[str] = set()

    def own(self, source: str, host: str, contact: str) -> None:
        """Note that a contact sent an authenticated request over a connection."""
        owner = _owner(host, contact)
        if owner is not None:
            self._sources.add(source)
            self._connections[owner] = source
            self._connections.move_to_end(owner)
            if len(self._connections) > self._capacity:
                self._connections.popitem(last=False)

    def connection_for(self, outbound: Outbound) -> str | None:
        """Find the connection of the contact that a request is for."""
        uri = outbound.data[:1024].decode("ascii", "replace").split(" ", 2)[1]
        owner = _owner(outbound.flow.host, uri)
        return self._connections.get(owner) if owner else None

    def move(self, branch: bytes, source: str) -> None:
        """Note that a transaction went over a connection."""
        self._sources.add(source)
        self._moved[branch] = source
        if len(self._moved) > self._capacity:
            self._moved.popitem(last=False)

    def moved_to(self, outbound: Outbound) -> str | None:
        """Give the connection an earlier request of the same transaction went over."""
        if not self._moved or outbound.data.startswith(b"SIP/2.0 "):
            return None
        return self._moved.get(branch_of(outbound.data))

    def lose(self, source: str) -> None:
        """Forget a closed connection; what waits on it is repeated over UDP."""
        if source not in self._sources:  # strangers come and go by the thousand
            return
        self._sources.remove(source)
        for owner in [owner for owner, value in self._connections.items() if value == source]:
            del self._connections[owner]
        for branch in [branch for branch, value in self._moved.items() if value == source]:
            del self._moved[branch]


def _owner(host: str, contact: str) -> _Owner | None:
    uri = parse_uri(contact)
    return (host, uri.user, uri.host, uri.port or 5060) if isinstance(uri, SipUri) else None
