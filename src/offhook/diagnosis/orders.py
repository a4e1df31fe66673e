"""What became of orders to fetch again: restarted or not, and what the phone fetched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from offhook.core.mac import Mac
from offhook.core.model import Attempt, Device, OutcomeKind, Reboot, RebootStep, Registration
from offhook.core.orders import BY_PERSON
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence
from offhook.diagnosis.history import DAY, stopped_reboots

Order = tuple[Device, VendorProfile, Reboot]
# A phone that fetches before it restarts is back within minutes.
_PATIENCE = timedelta(minutes=10)


def unfetched(facts: Facts) -> Iterator[Order]:
    """Give the phones that answered their last order, and did not fetch."""
    for mac, reboot in stopped_reboots(facts, RebootStep.NOT_FETCHED):
        device = facts.devices[mac]
        profile = facts.profiles.get(device.vendor)
        if profile is not None:
            yield device, profile, reboot


def sent_at(reboot: Reboot) -> datetime:
    """Give when an order left, or was given where that is not known."""
    return reboot.steps.get(RebootStep.NOTIFIED, reboot.asked_at)


def binding_of(facts: Facts, mac: Mac) -> Registration | None:
    """Give a device's newest live registration."""
    return max(
        facts.device_registrations.get(mac, ()),
        key=lambda item: item.refreshed_at,
        default=None,
    )


def restart_after(facts: Facts, mac: Mac, at: datetime) -> Registration | None:
    """Give the registration that proves a restart after a moment: new, or with a new Call-ID.

    RFC 3261 §10.2.4: a phone keeps its Call-ID until it is rebooted.
    """
    binding = binding_of(facts, mac)
    return binding if binding is not None and binding.registered_at > at else None


def restart_line(binding: Registration) -> Evidence:
    """Tell that a phone registered anew."""
    what = f"registered anew as {binding.extension} from {binding.source}: it restarted"
    return Evidence(what, binding.registered_at)


def fetched_after(facts: Facts, mac: Mac, at: datetime) -> list[Attempt]:
    """Give what a device itself fetched of its own files after a moment, newest first."""
    return [
        attempt
        for attempt in facts.attempts
        if attempt.mac == mac and attempt.is_device_file and attempt.is_delivery and attempt.at > at
    ]


def is_unchanged(facts: Facts, mac: Mac, at: datetime) -> bool:
    """Say whether all that a device fetched after a moment was what it had before it."""
    later = fetched_after(facts, mac, at)
    had = {
        (attempt.file, attempt.digest)
        for attempt in facts.attempts
        if attempt.mac == mac and attempt.is_delivery and attempt.at <= at
    }
    return bool(later) and all(
        attempt.kind is OutcomeKind.UNCHANGED or (attempt.file, attempt.digest) in had
        for attempt in later
    )


def not_restarted(
    facts: Facts,
) -> Iterator[tuple[Device, VendorProfile, Reboot, Registration]]:
    """Give the phones that a person told to restart, that fetched, and went on registering.

    RFC 3261 §10.2.4: the Call-ID would be new after a restart.
    """
    for mac, reboot in facts.reboots.items():
        device = facts.devices.get(mac)
        profile = facts.profiles.get(device.vendor) if device else None
        binding = binding_of(facts, mac)
        fetched = reboot.steps.get(RebootStep.FETCHED)
        if device is None or profile is None or binding is None or fetched is None:
            continue
        is_restart = reboot.reason == BY_PERSON and reboot.event == profile.reboot.event
        is_recent = _PATIENCE <= facts.now - fetched <= DAY
        is_same = binding.registered_at <= sent_at(reboot) < fetched + _PATIENCE / 2
        is_alive = binding.refreshed_at >= fetched + _PATIENCE / 2
        is_obeyed = 200 <= reboot.sip_code < 300
        if is_restart and is_recent and is_same and is_alive and is_obeyed:
            yield device, profile, reboot, binding
