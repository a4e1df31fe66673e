"""What recent requests prove: who asked, and which refusals a phone has not got over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.core.events import RegistrationRefused
from offhook.core.identify import find_placeholder
from offhook.core.mac import Mac
from offhook.core.model import (
    FINAL_STEPS,
    Attempt,
    OutcomeKind,
    Reboot,
    RebootStep,
    UnknownPhone,
)
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
    """When each phone last got a file: by MAC one of its own, else by where and who asked."""

    by_maker: dict[tuple[str, str], datetime] = field(default_factory=dict)
    by_agent: dict[tuple[str, str], datetime] = field(default_factory=dict)
    by_mac: dict[Mac, datetime] = field(default_factory=dict)

    def note(self, attempt: Attempt, maker: str) -> None:
        """Take up a delivery; those noted first are the newest."""
        self.by_maker.setdefault((attempt.address, maker), attempt.at)
        self.by_agent.setdefault((attempt.address, attempt.user_agent), attempt.at)
        if attempt.mac is not None and attempt.is_device_file:
            self.by_mac.setdefault(attempt.mac, attempt.at)

    def follow(self, attempt: Attempt, maker: str, grace: timedelta) -> bool:
        """Say whether the phone got a file after a refusal (or at most `grace` before it).

        One that names no MAC is not told from others of its maker at the address; what came before
        counts only with the same User-Agent.
        """
        before = attempt.at - grace
        if attempt.mac is not None:
            return _is_after(self.by_mac.get(attempt.mac), before)
        by_agent = self.by_agent.get((attempt.address, attempt.user_agent))
        by_maker = self.by_maker.get((attempt.address, maker))
        return _is_after(by_agent, before) or _is_after(by_maker, attempt.at)


def _is_after(at: datetime | None, moment: datetime) -> bool:
    return at is not None and at > moment


def unmended(
    facts: Facts, code: str, *, within: timedelta = DAY, grace: timedelta = timedelta(0)
) -> list[tuple[Attempt, str]]:
    """Give the newest refusal of a code per phone that no delivery followed.

    A phone is its MAC, or without one its address and maker.

    Each comes with the maker that its User-Agent tells. Tests by people do not count.
    """
    makers: dict[str, str] = {}
    refused: dict[object, Attempt] = {}
    deliveries = _Deliveries()
    for attempt in facts.attempts:
        wanted = attempt.kind is OutcomeKind.REFUSED and attempt.fault == code
        if attempt.is_test or not (wanted or attempt.is_delivery):
            continue
        agent = attempt.user_agent
        if agent not in makers:
            makers[agent] = maker_of(agent, facts.profiles, attempt.vendor)
        if not wanted:
            deliveries.note(attempt, makers[agent])
        elif facts.now - attempt.at <= within:
            refused.setdefault(attempt.mac or (attempt.address, makers[agent]), attempt)
    return [
        (attempt, makers[attempt.user_agent])
        for attempt in refused.values()
        if not deliveries.follow(attempt, makers[attempt.user_agent], grace)
    ]


def asker(facts: Facts, attempt: Attempt) -> str:
    """Name who asked: the registered device, else the address."""
    device = facts.devices.get(attempt.mac) if attempt.mac else None
    return device.mac.colons if device else attempt.address


def placeholder_of(attempt: Attempt) -> str:
    """Name the variable that a phone did not expand, that of the file's name first."""
    return find_placeholder(attempt.file) or find_placeholder(attempt.path) or attempt.mac_text


def is_rebooting(facts: Facts, mac: Mac) -> bool:
    """Say whether an order to fetch again is still on its way to a device."""
    reboot = facts.reboots.get(mac)
    return (
        reboot is not None
        and reboot.step not in FINAL_STEPS
        and facts.now - reboot.asked_at < REBOOT_LASTS
    )


def still_refused(facts: Facts, *reasons: str) -> list[RegistrationRefused]:
    """Give the REGISTERs of the last day refused for one of the reasons, newest first.

    Left out are those whose phone has registered since: same source with its port, same MAC, or
    same extension from the same address.
    """
    since: dict[object, datetime] = {}
    for bindings in facts.registrations.values():
        for binding in bindings:
            for key in binding_keys(binding.source, binding.mac, binding.extension):
                since[key] = max(binding.refreshed_at, since.get(key, binding.refreshed_at))
    standing = [
        refusal
        for refusal in facts.refused_registers
        if refusal.reason in reasons
        and facts.now - refusal.at <= DAY
        and not any(
            since[key] > refusal.at
            for name in {refusal.extension, refusal.claimed}
            for key in binding_keys(refusal.source, refusal.mac, name)
            if key in since
        )
    ]
    return sorted(standing, key=lambda refusal: refusal.at, reverse=True)


def binding_keys(source: str, mac: Mac | None, extension: str) -> tuple[object, ...]:
    """Give what a phone is known by when it registers again."""
    by_mac = (mac,) if mac is not None else ()
    return (source, (host_of(source), extension), *by_mac)


def is_auth_name_wrong(refusal: RegistrationRefused) -> bool:
    """Say whether a phone named another user in its credentials than in To."""
    return bool(refusal.extension) and refusal.claimed != refusal.extension


def recent_unknown(facts: Facts) -> list[UnknownPhone]:
    """Give the unknown phones that asked in the last day and were not registered since."""
    return [
        phone
        for phone in facts.unknown
        if facts.now - phone.last_seen <= DAY and phone.mac not in facts.devices
    ]


def stopped_reboots(facts: Facts, *steps: RebootStep) -> list[tuple[Mac, Reboot]]:
    """Give the devices whose newest reboot ended at one of the steps, and no fetch since."""
    stopped = []
    for mac, reboot in facts.reboots.items():
        sighting = facts.sightings.get(mac)
        fetched = sighting.last_provisioned if sighting else None
        has_fetched = fetched is not None and fetched > reboot.asked_at
        if reboot.step in steps and mac in facts.devices and not has_fetched:
            stopped.append((mac, reboot))
    return stopped
