"""A phone's model can fetch its settings by TFTP only.

What you see: the device is registered here and never asks for its file, while a phone registers for
its extension by SIP and tells a model of an old series.

Why: the firmware of that series knows no HTTP: it asks a TFTP server on port 69 and nothing else.
This server gives files by HTTP.

What to do: set the account up on the phone by hand, serve its files from a TFTP server of your own,
or replace the phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import Device, RegisterOutcome
from offhook.diagnosis.evidence import registration_line, shown
from offhook.diagnosis.examples import ACME, BINDING, HEALTHY, MAC, MINUTE, PHONE
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.registering import note_line
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P312",
    name="only-speaks-tftp",
    title="Phone can fetch by TFTP only",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="{model} phones fetch their files by TFTP only; this server gives them by HTTP",
    steps=(
        "Set the account up on the phone by hand, or from a TFTP server of your own",
        "or replace the phone by a model that asks by HTTP: GET /api/provisioning/vendors",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that never asked, and whose extension such a phone registers for."""
    for mac, device in facts.devices.items():
        profile = facts.profiles.get(device.vendor)
        sighting = facts.sightings.get(mac)
        has_asked = sighting is not None and sighting.last_contact is not None
        if profile is None or profile.tftp_only is None or has_asked:
            continue
        told = next(_told(facts, device, profile.tftp_only), None)
        if told is not None:
            model, line = told
            yield FAULT.finding(mac.colons, model=f"{profile.label} {model}", evidence=[line])


def _told(facts: Facts, device: Device, pattern: re.Pattern[str]) -> Iterator[tuple[str, Evidence]]:
    """Live registrations for the device's extensions first, then other REGISTERs, newest first."""
    numbers = [line.extension for line in device.lines]
    for number in numbers:
        for item in facts.registrations.get(number, ()):
            if found := pattern.search(item.user_agent):
                yield shown(found.group(), 32), registration_line(item)
    for note in facts.sip.notes:
        is_other = note.outcome is not RegisterOutcome.REMOVED and note.extension in numbers
        if is_other and (found := pattern.search(note.user_agent)):
            yield shown(found.group(), 32), note_line(note)


_ACME = replace(ACME, tftp_only=re.compile(r"Zero\b"))
_OLD = replace(BINDING, user_agent="Acme Zero 8.0", mac=None)
BAD = replace(
    HEALTHY,
    profiles={**HEALTHY.profiles, "acme": _ACME},
    devices={MAC: replace(PHONE, created_at=HEALTHY.now - MINUTE)},
    sightings={},
    attempts=(),
    registrations={"1001": (_OLD,)},
    device_registrations={MAC: (_OLD,)},
)
GOOD = replace(BAD, registrations=HEALTHY.registrations)
