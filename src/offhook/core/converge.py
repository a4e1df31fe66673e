"""Which registration belongs to which device, and whose files a change touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offhook.core.mac import Mac
from offhook.core.model import Device, Registration, Sighting
from offhook.core.vendor import VendorProfile

Rank = tuple[int, bool]
"""How well a device fits a binding: maker and model 2, maker 1, neither 0; at its address."""

_RANKS: tuple[Rank, ...] = ((2, True), (2, False), (1, True), (1, False), (0, True), (0, False))


def registrations_of(
    device: Device,
    registrations: Sequence[Registration],
    siblings: Sequence[Device],
    sightings: Mapping[Mac, Sighting],
    profiles: Mapping[str, VendorProfile],
) -> tuple[Registration, ...]:
    """Choose the registrations of one device among those of its extensions, newest first.

    By MAC, then by User-Agent (maker and model), then by the address of its last fetch. A binding
    goes to the device of the extension (`siblings`) that it fits best, so that a reboot never
    reaches a sibling that is known; what ties to nobody goes to those that have nothing better.
    Devices that it fits equally share what there is: each gets its part, or all the same one.
    """
    newest_first = sorted(
        registrations, key=lambda item: (item.refreshed_at, item.contact), reverse=True
    )
    own = tuple(item for item in newest_first if item.mac == device.mac)
    if own:
        return own
    told = {item.mac for item in registrations}
    family = {item.mac: item for item in (*siblings, device) if item.mac not in told}
    left = [
        (item, _ranks(item, family, sightings, profiles))
        for item in newest_first
        if item.mac is None
    ]
    satisfied: set[Mac] = set()
    for rank in _RANKS:
        groups: dict[tuple[Mac, ...], list[Registration]] = {}
        for item, ranks in left:
            entitled = tuple(sorted(mac for mac, it in ranks.items() if it == rank))
            contenders = tuple(mac for mac in entitled if mac not in satisfied)
            if contenders:
                groups.setdefault(contenders, []).append(item)
        if any(device.mac in contenders for contenders in groups):
            return _shares(device.mac, groups)
        taken = {id(item) for items in groups.values() for item in items}
        left = [(item, ranks) for item, ranks in left if id(item) not in taken]
        satisfied.update(mac for contenders in groups for mac in contenders)
    return ()


def _shares(
    mac: Mac, groups: Mapping[tuple[Mac, ...], Sequence[Registration]]
) -> tuple[Registration, ...]:
    """Deal the bindings of each group round its contenders; when they are few, some share one."""
    mine: list[Registration] = []
    for contenders, items in groups.items():
        if mac in contenders:
            place, count = contenders.index(mac), len(contenders)
            mine += items[place::count] if place < len(items) else [items[place % len(items)]]
    return tuple(sorted(mine, key=lambda item: (item.refreshed_at, item.contact), reverse=True))


def _ranks(
    registration: Registration,
    family: Mapping[Mac, Device],
    sightings: Mapping[Mac, Sighting],
    profiles: Mapping[str, VendorProfile],
) -> dict[Mac, Rank]:
    """How well each device fits; left out are those that it cannot be, or fits worse by agent."""
    makers = [name for name, item in profiles.items() if item.read_agent(registration.user_agent)]
    ranks: dict[Mac, Rank] = {}
    for mac, device in family.items():
        seen = sightings.get(mac)
        is_there = seen is not None and seen.address == registration.address != ""
        if not makers or device.vendor in makers:
            ranks[mac] = (_agent_fit(registration, device, profiles), is_there)
        elif seen is not None and is_there and _names(seen.user_agent, makers, profiles):
            # Its record has the wrong maker: it fetched from there with this maker's agent.
            ranks[mac] = (0, is_there)
    best = max((fit for fit, _ in ranks.values()), default=0)
    return {mac: rank for mac, rank in ranks.items() if rank[0] == best}


def _agent_fit(
    registration: Registration, device: Device, profiles: Mapping[str, VendorProfile]
) -> int:
    profile = profiles.get(device.vendor)
    agent = profile.read_agent(registration.user_agent) if profile else None
    if profile is None or agent is None:
        return 0
    model = profile.model(agent.model_text)
    if model is None:
        return 1
    return 2 if model.name == device.model else 0


def _names(user_agent: str, makers: Sequence[str], profiles: Mapping[str, VendorProfile]) -> bool:
    return any(profiles[name].read_agent(user_agent) for name in makers)


def stale_files(expected: Mapping[str, str], delivered: Mapping[str, str]) -> tuple[str, ...]:
    """Files the phone has fetched that are not what it should have now."""
    return tuple(
        name
        for name, digest in sorted(expected.items())
        if name in delivered and delivered[name] != digest
    )
