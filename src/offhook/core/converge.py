"""Which registration belongs to which device, and whose files a change touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from offhook.core.mac import Mac
from offhook.core.model import Device, Registration, Sighting
from offhook.core.vendor import VendorProfile


def registrations_of(
    device: Device,
    registrations: Sequence[Registration],
    siblings: Sequence[Device],
    sightings: Mapping[Mac, Sighting],
    profiles: Mapping[str, VendorProfile],
) -> tuple[Registration, ...]:
    """Choose the registrations of one device among those of its extensions.

    By MAC, then by User-Agent (maker and model), then by the address of its last fetch; a binding
    that nothing ties to any other device of the extension (`siblings`, this one included) is taken
    when nothing better is there. So a reboot never reaches a sibling that is known.
    """
    own = tuple(item for item in registrations if item.mac == device.mac)
    if own:
        return own
    others = [item for item in siblings if item.mac != device.mac]
    free = [item for item in registrations if item.mac is None]
    by_agent = [item for item in free if _agent_fits(item, device, profiles)]
    address = sightings[device.mac].address if device.mac in sightings else ""
    by_address = [item for item in free if address and item.address == address]
    for candidates in ([item for item in by_agent if item in by_address], by_agent, by_address):
        chosen = [
            item for item in candidates if not _is_others(item, others, sightings, profiles, device)
        ]
        if chosen:
            return tuple(chosen)
    return tuple(
        item
        for item in free
        if not _names_other_maker(item, device, profiles)
        and not _is_others(item, others, sightings, profiles, device)
    )


def _agent_fits(
    registration: Registration, device: Device, profiles: Mapping[str, VendorProfile]
) -> bool:
    profile = profiles.get(device.vendor)
    agent = profile.read_agent(registration.user_agent) if profile else None
    if profile is None or agent is None:
        return False
    model = profile.model(agent.model_text)
    return model is not None and model.name == device.model


def _names_other_maker(
    registration: Registration, device: Device, profiles: Mapping[str, VendorProfile]
) -> bool:
    for name, profile in profiles.items():
        if profile.read_agent(registration.user_agent) is not None:
            return name != device.vendor
    return False


def _is_others(
    registration: Registration,
    others: Iterable[Device],
    sightings: Mapping[Mac, Sighting],
    profiles: Mapping[str, VendorProfile],
    device: Device,
) -> bool:
    """True when a sibling has the better claim: its address, or its model while ours does not fit."""
    for other in others:
        seen = sightings.get(other.mac)
        if seen is not None and seen.address and seen.address == registration.address:
            mine = sightings.get(device.mac)
            if mine is None or mine.address != registration.address:
                return True
        if _agent_fits(registration, other, profiles) and not _agent_fits(
            registration, device, profiles
        ):
            return True
    return False


def stale_files(expected: Mapping[str, str], delivered: Mapping[str, str]) -> tuple[str, ...]:
    """Files the phone has fetched that are not what it should have now."""
    return tuple(
        name
        for name, digest in sorted(expected.items())
        if name in delivered and delivered[name] != digest
    )
