"""Whether an address is this machine's own: simulated phones talk to no other unless told."""

from __future__ import annotations

import ipaddress
import socket


def is_this_host(host: str) -> bool:
    """Tell whether every address of a name is this machine's own: one can bind to it."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(_is_own(address) for address in found)


def _is_own(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.is_loopback:
        return True
    if ip.is_unspecified or ip.is_multicast:
        return False
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
