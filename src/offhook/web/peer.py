"""What a connection tells of its caller: address, headers, whether it is this host itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

Scope = Mapping[str, Any]
"""An ASGI scope; the values are what the server put there."""

_FORWARDED = (b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip")


def headers_of(scope: Scope, name: bytes) -> list[str]:
    """Give every value of a header, in order; `name` is lower case."""
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def header_of(scope: Scope, name: bytes) -> str:
    """Give the first value of a header, or an empty text."""
    found = headers_of(scope, name)
    return found[0] if found else ""


def name_of_host(host: str) -> str:
    """Give the name or address of a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def address_of(scope: Scope) -> str:
    """Give the caller's IP address as plain text, an IPv4-mapped one as IPv4."""
    client = scope.get("client")
    return plain_address(client[0]) if client else ""


def is_forwarded(scope: Scope) -> bool:
    """Tell whether a proxy says that it speaks for somebody else."""
    return any(
        name in _FORWARDED or name.startswith(b"x-forwarded") for name, _ in scope["headers"]
    )


def is_this_host(scope: Scope) -> bool:
    """True when the caller is on this machine: loopback, or our own end of the connection.

    A proxy on this machine that says for whom it speaks is not this host.
    """
    address, server = address_of(scope), scope.get("server")
    if not address or is_forwarded(scope):
        return False
    return _is_loopback(address) or (server is not None and address == plain_address(server[0]))


def plain_address(text: str) -> str:
    """Give an address of a socket as plain text, an IPv4-mapped one as IPv4."""
    return _plain(text) if ":" in text else text


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


@lru_cache(maxsize=4096)
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
