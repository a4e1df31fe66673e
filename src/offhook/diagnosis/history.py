"""What recent requests prove: who asked, and which refusals a phone has not got over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.core.events import RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import FINAL_STEPS, Attempt, OutcomeKind
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.evidence import host_of
from offhook.diagnosis.facts import Facts

DAY = timedelta(days=1)
# A paced order to 10,000 phones takes about ten minutes, each phone up to ten more to come back.
REBOOT_LASTS = timedelta(minutes=30)


def maker_of(user_agent: str, profiles: Mapping[str, VendorProfile], own: str = "") -> str:
    """Name the maker of a User-Agent, `own` asked first because makers share firmware; or empty."""
    first = profiles.get(own)
    if first is not None and first.read_agent(user_agent) is not None:
        return own
    for name, profile in profiles.items():
        if profile.read_agent(user_agent) is not None:
            return name
    return ""


def last_agents(facts: Facts) -> dict[Mac, tuple[str, str]]:
    """Give maker and User-Agent each device last asked with, where a maker is recognised."""
    found: dict[Mac, tuple[str, str]] = {}
    for mac, sighting in facts.sightings.items():
        device = facts.devices.get(mac)
        if device is not None and sighting.user_agent:
            maker = maker_of(sighting.user_agent, facts.profiles, device.vendor)
            if maker:
                found[mac] = (maker, sighting.user_agent)
    for attempt in facts.attempts:
        device = facts.devices.get(attempt.mac) if attempt.mac else None
        if device is None or attempt.is_test or device.mac in found:
            continue
        maker = maker_of(attempt.user_agent, facts.profiles, device.vendor)
        if maker:
            found[device.mac] = (maker, attempt.user_agent)
    return found


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """When each phone last got a file, by (address, maker) and by MAC."""

    by_maker: dict[tuple[str, str], datetime] = field(default_factory=dict)
    by_mac: dict[Mac, datetime] = field(default_factory=dict)

    def follow(self, attempt: Attempt, maker: str, grace: timedelta) -> bool:
        """Say whether the phone got a file after a refusal (or at most `grace` before it)."""
        moments = [self.by_maker.get((attempt.address, maker))]
        if attempt.mac is not None:
            moments.append(self.by_mac.get(attempt.mac))
        return any(at is not None and at > attempt.at - grace for at in moments)


def unmended(
    facts: Facts, code: str, *, within: timedelta = DAY, grace: timedelta = timedelta(0)
) -> list[tuple[Attempt, str]]:
    """Give the newest refusal of a code per address and maker that no delivery followed.

    Each comes with the maker that its User-Agent tells. Tests by people do not count.
    """
    makers: dict[str, str] = {}
    refused: dict[tuple[str, str], Attempt] = {}
    deliveries = _Deliveries()
    for attempt in facts.attempts:
        wanted = attempt.kind is OutcomeKind.REFUSED and attempt.fault == code
        if attempt.is_test or not (wanted or attempt.is_delivery):
            continue
        agent = attempt.user_agent
        if agent not in makers:
            makers[agent] = maker_of(agent, facts.profiles, attempt.vendor)
        key = (attempt.address, makers[agent])
        if not wanted:
            deliveries.by_maker.setdefault(key, attempt.at)
            if attempt.mac is not None:
                deliveries.by_mac.setdefault(attempt.mac, attempt.at)
        elif facts.now - attempt.at <= within:
            refused.setdefault(key, attempt)
    return [
        (attempt, maker)
        for (_, maker), attempt in refused.items()
        if not deliveries.follow(attempt, maker, grace)
    ]


def is_rebooting(facts: Facts, mac: Mac) -> bool:
    """Say whether an order to fetch again is still on its way to a device."""
    reboot = facts.reboots.get(mac)
    return (
        reboot is not None
        and reboot.step not in FINAL_STEPS
        and facts.now - reboot.asked_at < REBOOT_LASTS
    )


def has_registered_since(facts: Facts, refusal: RegistrationRefused) -> bool:
    """Say whether the phone of a refused REGISTER has registered after it.

    The same phone: same MAC, same source with its port, or same extension from the same address.
    """
    host = host_of(refusal.source)
    bindings = (binding for all_of in facts.registrations.values() for binding in all_of)
    return any(
        binding.refreshed_at > refusal.at
        and (
            binding.source == refusal.source
            or (refusal.mac is not None and binding.mac == refusal.mac)
            or (
                binding.address == host
                and binding.extension in (refusal.extension, refusal.claimed)
            )
        )
        for binding in bindings
    )
