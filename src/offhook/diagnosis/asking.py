"""What one phone asked lately: its own requests, firmware images, odd remarks about them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import timedelta

from offhook.core.mac import Mac
from offhook.core.model import Attempt, OutcomeKind
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.history import DAY, unmended


def asked_by(
    facts: Facts,
    macs: Container[Mac | None],
    within: timedelta = DAY,
    *,
    with_optional: bool = False,
) -> dict[Mac, list[Attempt]]:
    """Give the requests that phones themselves made, newest first, for some of the MACs.

    What their makers probe for and we do not have is left out, unless it is wanted too.
    """
    found: dict[Mac, list[Attempt]] = {}
    for attempt in facts.attempts:
        is_wanted = attempt.mac in macs and facts.now - attempt.at <= within
        is_probe = attempt.kind is OutcomeKind.OPTIONAL and not with_optional
        if attempt.mac is not None and is_wanted and attempt.is_from_phone and not is_probe:
            found.setdefault(attempt.mac, []).append(attempt)
    return found


def has_own_file_since(attempts: Iterable[Attempt], refused: Attempt) -> bool:
    """Say whether a phone got a file of its own after a request."""
    return any(it.is_delivery and it.is_device_file and it.at > refused.at for it in attempts)


def remark_of(attempt: Attempt, code: str) -> str:
    """Give what was noted of a request under a code although it was answered; or empty."""
    before = f"{code} "
    return next((it.removeprefix(before) for it in attempt.notices if it.startswith(before)), "")


def is_image(file: str, profiles: Mapping[str, VendorProfile]) -> bool:
    """Say whether a file's name is that of firmware, of any maker."""
    name = file.lower()
    return any(name.endswith(ending) for it in profiles.values() for ending in it.images)


def nameless_images(facts: Facts) -> list[tuple[Attempt, Mac]]:
    """Give the refused firmware images asked without a MAC where exactly one phone lives."""
    asked = [
        attempt
        for attempt, _ in unmended(facts, "P203")
        if attempt.mac is None and is_image(attempt.file, facts.profiles)
    ]
    addresses = {attempt.address for attempt in asked}
    living: dict[str, list[Mac]] = {}
    if addresses:
        for mac, sighting in facts.sightings.items():
            if sighting.address in addresses and mac in facts.devices:
                living.setdefault(sighting.address, []).append(mac)
    alone = {address: macs[0] for address, macs in living.items() if len(macs) == 1}
    return [(it, alone[it.address]) for it in asked if it.address in alone]
