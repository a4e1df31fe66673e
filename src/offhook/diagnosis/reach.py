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
