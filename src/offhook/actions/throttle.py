"""Who may ask, and how often strangers may: constant cost, bounded memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from socket import AF_INET, inet_pton

from offhook.core.mac import Mac

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 1918, loopback, link-local, RFC 6598 (carrier NAT), RFC 4193.
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
)
_SOURCES_KEPT = 4096
_WINDOW_S = 60.0


def parse_networks(names: Sequence[str], words: dict[str, Sequence[str]]) -> tuple[Network, ...]:
    """Turn CIDR texts and words such as `private` into networks."""
    texts = [text for name in names for text in words.get(name, (name,))]
    return tuple(ipaddress.ip_network(text) for text in texts)


def phone_networks(names: Sequence[str]) -> tuple[Network, ...]:
    """Networks of `provisioning.allowed_networks`: `private`, `any`, or CIDR."""
    return parse_networks(names, {"private": _PRIVATE, "any": ("0.0.0.0/0", "::/0")})


def is_foreign_host(host: str, own: frozenset[str]) -> bool:
    """True for a name that is none of ours. An IP address leads here, whoever translates it."""
    if not host or not own or host in own:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """True when the address is in one of the networks; an IPv4-mapped address counts as IPv4."""
    return _is_within(address.partition("%")[0], networks)


def within(networks: tuple[Network, ...]) -> Callable[[str], bool]:
    """Give `is_within` for these networks, for who asks it for every request.

    Thousands of phones have thousands of addresses: looking a usual one up costs less than
    remembering it.
    """
    ranges = [
        (int(one.network_address), int(one.netmask))
        for one in networks
        if isinstance(one, ipaddress.IPv4Network)
    ]

    def holds(address: str) -> bool:
        try:
            value = int.from_bytes(inet_pton(AF_INET, address))
        except (OSError, ValueError):
            return is_within(address, networks)
        for network, mask in ranges:  # noqa: SIM110 - a generator costs as much as all of it
            if value & mask == network:
                return True
        return False

    return holds


@lru_cache(maxsize=8192)
def _is_within(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


@dataclass(slots=True)
class _Source:
    began_s: float
    macs: set[int] = field(default_factory=set)
    blocked_until_s: float = 0.0


@dataclass(slots=True)
class StrangerThrottle:
    """Counts different unknown MACs by address and minute; past `limit` the address is throttled.

    A throttled address gets no word about MACs that were not served there before, so a block of
    addresses cannot be tried out; phones already known from it are served as ever.
    """

    limit: int
    _sources: OrderedDict[str, _Source] = field(default_factory=OrderedDict)

    def __contains__(self, address: str) -> bool:
        """True for an address that asked for an unknown MAC lately."""
        return address in self._sources

    def is_blocked(self, address: str, now_s: float) -> bool:
        """True while the address is throttled."""
        source = self._sources.get(address)
        return source is not None and now_s < source.blocked_until_s

    def count_unknown(self, address: str, mac: Mac, now_s: float) -> None:
        """Note an unknown MAC asked from an address."""
        source = self._sources.get(address)
        if source is None:
            source = self._sources[address] = _Source(began_s=now_s)
            if len(self._sources) > _SOURCES_KEPT:
                self._sources.popitem(last=False)
        self._sources.move_to_end(address)
        if now_s - source.began_s >= _WINDOW_S:
            source.began_s = now_s
            source.macs.clear()
        source.macs.add(mac.value)
        if len(source.macs) > self.limit:
            source.blocked_until_s = now_s + _WINDOW_S
            source.macs.clear()
            source.began_s = now_s
