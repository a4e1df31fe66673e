"""A phone asks, but never for the file that holds its account.

What you see: the phone fetches a boot file, a master file or a common file, and then nothing for
minutes; it does not register.

Why: a boot file that something else answered lists only some files, or the URL in the phone names
one file where a folder belongs. Phones of many makers ask only for what the first file lists.

What to do: give the phone the folder URL, and make sure that no other server or proxy answers its
boot file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import Device, Sighting
from offhook.core.vendor import FileKind, VendorProfile
from offhook.diagnosis.asking import asked_by
from offhook.diagnosis.evidence import attempt_line, sighting_line
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P215",
    name="boot-file-hides-rest",
    title="Phone never asks for its main file",
    severity=Severity.WARNING,
    stage=Stage.DELIVERED,
    message="phone {mac} asks, but never for {main}, the file with its account",
    steps=(
        "Set the phone's provisioning URL to the folder with the slash at the end: {base}",
        "Check that no other server or proxy answers the phone's boot file",
        "Restart the phone and look at GET /api/provisioning/requests",
    ),
    is_of_device=True,
)
_PATIENCE = timedelta(minutes=5)
_NOW_AND_THEN = timedelta(days=1)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that asked in the last day, were never refused, and left out that file."""
    asked = asked_by(facts, facts.devices, with_optional=True)
    for mac, device in facts.devices.items():
        profile = facts.profiles.get(device.vendor)
        sighting = facts.sightings.get(mac)
        attempts = asked.get(mac, [])
        is_refused = any(not attempt.is_success for attempt in attempts)
        is_bound = bool(facts.device_registrations.get(mac))
        if profile is None or sighting is None or is_refused or is_bound:
            continue
        got = {*sighting.delivered, *(it.file for it in attempts if it.is_delivery)}
        if _is_quiet(sighting, facts) and not _main_names(profile, device) & got:
            main = profile.main.replace("{mac}", mac.plain).replace("{MAC}", mac.plain.upper())
            evidence = [attempt_line(it) for it in attempts[:3]] or [sighting_line(sighting)]
            values = {"mac": mac.colons, "main": main, "base": facts.config.base}
            yield FAULT.finding(mac.colons, evidence=evidence, **values)


def _is_quiet(sighting: Sighting, facts: Facts) -> bool:
    at = sighting.last_contact
    return at is not None and _PATIENCE < facts.now - at < _NOW_AND_THEN


def _main_names(profile: VendorProfile, device: Device) -> set[str]:
    """Every name under which the maker's phones get the content of their main file."""
    main = next((rule for rule in profile.files if rule.name == profile.main), None)
    mac = device.mac.plain
    return {
        rule.name.replace("{mac}", mac).replace("{MAC}", mac.upper())
        for rule in profile.files
        if main and rule.kind is FileKind.DEVICE and rule.template == main.template
    }


_ONLY = replace(SEEN, delivered={"common.cfg": "a" * 64}, last_provisioned=None)
BAD = replace(
    HEALTHY,
    sightings={MAC: _ONLY},
    registrations={},
    device_registrations={},
    attempts=(),
)
GOOD = replace(BAD, sightings={MAC: replace(_ONLY, last_contact=HEALTHY.now - MINUTE)})
