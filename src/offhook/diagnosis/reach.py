"""Which addresses a phone can reach from its desk."""

from __future__ import annotations

import ipaddress
import re

# RFC 1123 §2.1 labels; RFC 3696 §2: a name's last label is not all digits.
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"(?![0-9]+\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z"
)


def can_phones_reach(host: str) -> bool:
    """Say whether a host can be meant for phones: an address or a name, not this machine itself."""
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        name = host.removesuffix(".")
        is_local = name.lower() == "localhost" or name.lower().endswith(".localhost")
        return bool(_HOST_NAME.match(name)) and not is_local
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not (
        address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or str(address) == "255.255.255.255"
    )


# RFC 1918, RFC 6598, RFC 4193.
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def is_private_network(host: str) -> bool:
    """Say whether a host is an address that leads nowhere from the Internet."""
    address = _address(host)
    return address is not None and any(
        address.version == network.version and address in network for network in _PRIVATE
    )


def is_public(host: str) -> bool:
    """Say whether a host is an address of the Internet; addresses of documentation are not."""
    address = _address(host)
    return address is not None and address.is_global


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
