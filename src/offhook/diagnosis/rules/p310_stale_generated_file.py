"""A phone still has an older file than it should have.

What you see: a new name, password or setting is in the file that the server makes, but not on the
phone.

Why: the file changed after the phone last fetched it, and no order to fetch again is on its way:
the phone was not registered at that moment, or the order did not reach it.

What to do: nothing, if it can wait: the phone fetches at its next boot or its next scheduled
check. To have it now, order the phone to fetch again, or restart it by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.core.model import RebootStep
from offhook.diagnosis.evidence import reboot_line, sighting_line
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import is_rebooting
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P310",
    name="stale-generated-file",
    title="Phone has an older file",
    severity=Severity.WARNING,
    stage=Stage.DELIVERED,
    message="device {mac} has an older version of {files}",
    steps=("Wait: the phone fetches it at its next boot or its next scheduled check",),
    is_general=True,
    is_of_device=True,
)


def stale_files(facts: Facts, mac: Mac) -> list[str]:
    """Name the files whose last delivered digest is not the expected one, of those in both."""
    sighting = facts.sightings.get(mac)
    expected = facts.expected.get(mac, {})
    delivered = sighting.delivered if sighting else {}
    return sorted(
        name for name in delivered if expected.get(name, delivered[name]) != delivered[name]
    )


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices with an old file to which nothing is on its way."""
    for mac, device in facts.devices.items():
        files = stale_files(facts, mac)
        if not files or is_rebooting(facts, mac):
            continue
        reboot = facts.reboots.get(mac)
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            files=", ".join(files),
            evidence=[
                sighting_line(facts.sightings[mac]),
                *([reboot_line(reboot)] if reboot else []),
            ],
            more_steps=[
                f"Or have it now: POST /api/phones/{line.extension}/reboot"
                for line in device.lines[:1]
            ],
        )


_STALE = {MAC: replace(SEEN, delivered=dict.fromkeys(SEEN.delivered, "b" * 64))}
BAD = replace(HEALTHY, sightings=_STALE)
GOOD = replace(
    BAD,
    reboots={MAC: replace(REBOOT, step=RebootStep.NOTIFIED, asked_at=HEALTHY.now - MINUTE)},
)
