"""The way back to a phone: where its requests come from, which NAT lets through. RFC 5626 §1."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from offhook.sip.bindings import Source
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.via import Via, reply_address


@dataclass(frozen=True, slots=True)
class Place:
    """Where phones know us: one port for UDP and TCP, another for TLS, 0 without it."""

    host: str
    port: int
    tls_port: int = 0

    def over(self, transport: str) -> tuple[str, int]:
        """Give host and port for a transport."""
        return self.host, self.tls_port if transport == "tls" else self.port

    def is_at(self, host: str, port: int) -> bool:
        """Say whether host and port are ours, over any transport."""
        return host.strip("[]") == self.host and port in (self.port, self.tls_port)

    def is_named_by(self, uri: SipUri) -> bool:
        """Say whether a URI leads to us; without a port it means 5060, over TLS 5061. §19.1.2."""
        is_tls = uri.scheme == "sips" or uri.params.get("transport", "").lower() == "tls"
        return self.is_at(uri.host, uri.port or (5061 if is_tls else 5060))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Over UDP an address; over TCP the connection from it, else one dialled to `dial`.

    TLS is never dialled: a phone has no certificate that names it. With UDP `dial` is where the
    phone's contact says that it takes TCP, which is for requests too large for a datagram.
    """

    transport: str
    host: str
    port: int
    dial: tuple[str, int] | None = None

    @property
    def is_reliable(self) -> bool:
        """True for streams."""
        return self.transport != "udp"

    def __str__(self) -> str:
        return str(Source(transport=self.transport, host=self.host, port=self.port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Bytes to send over a flow. `branch` names the transaction that fails if they cannot go."""

    data: bytes
    flow: Flow
    branch: str = ""


def flow_of(source: str, contact: str, *, has_path: bool = False) -> Flow:
    """Choose the way to a contact that was named in a request from `source`.

    Only when the contact names the very address the request came from, so that no NAT is between,
    its port counts: some phones send from another port than they listen on, and a phone on TCP
    that has lost its connection (we were restarted) can be dialled. RFC 3261 §18.
    """
    transport, _, place = source.partition(":")
    host, _, port_text = place.rpartition(":")
    host, port = host.strip("[]"), int(port_text)
    uri = parse_uri(contact)
    if not isinstance(uri, SipUri) or has_path or not _is_same_host(uri.host, host):
        return Flow(transport=transport, host=host, port=port)
    listens_at = uri.port or 5060
    if transport == "tls":
        return Flow(transport=transport, host=host, port=port)
    if transport == "tcp":
        return Flow(transport=transport, host=host, port=port, dial=(host, listens_at))
    has_tcp = uri.params.get("transport", "").lower() == "tcp"
    dial = (host, listens_at) if has_tcp else None
    return Flow(transport=transport, host=host, port=listens_at, dial=dial)


def flow_back(via: Via, source: Source) -> Flow:
    """Give the way an answer goes: over TCP the same connection. RFC 3261 §18.2.2, RFC 3581 §4."""
    if source.transport != "udp":
        return Flow(transport=source.transport, host=source.host, port=source.port)
    host, port = reply_address(via, source.host, source.port)
    return Flow(transport="udp", host=host, port=port)


def _is_same_host(a: str, b: str) -> bool:
    try:
        return ipaddress.ip_address(a.strip("[]")) == ipaddress.ip_address(b)
    except ValueError:
        return False
