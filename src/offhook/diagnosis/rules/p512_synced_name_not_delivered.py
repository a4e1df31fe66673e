"""The directory changed an extension, and its phone has not fetched the new file.

What you see: the person has a new name in the directory and in the list of extensions, and the
phone's display still shows the old one.

Why: the phone was not registered when the synchronisation ran, or it did not follow the order to
fetch again.

What to do: order it again, or restart the phone. If it was ordered and did not come, P601 to P604
say where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from offhook.core.model import Device, RebootStep
from offhook.diagnosis.evidence import reboot_line, sighting_line, stamp
from offhook.diagnosis.examples import (
    EXTENSION,
    HEALTHY,
    MAC,
    MINUTE,
    NOW,
    REBOOT,
    SEEN,
    directory_facts,
)
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import is_rebooting
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.rules.p310_stale_generated_file import stale_files

FAULT = Fault(
    code="P512",
    name="synced-name-not-delivered",
    title="Phone still shows the name from before the synchronisation",
    severity=Severity.WARNING,
    stage=Stage.DELIVERED,
    message="extension {extension} changed in the directory, but device {mac} has its old file",
    steps=(
        "Have it fetched now: POST /api/phones/{extension}/reboot",
        "Or wait: the phone fetches it at its next boot or its next scheduled check",
    ),
    is_of_device=True,
    explains=("P310",),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones with an old file whose extension the directory changed since."""
    for mac, device in facts.devices.items():
        if not stale_files(facts, mac) or is_rebooting(facts, mac):
            continue
        reboot = facts.reboots.get(mac)
        for number, changed_at in _changed_lines(facts, device):
            yield FAULT.finding(
                mac.colons,
                extension=number,
                mac=mac.colons,
                evidence=[
                    f"{stamp(changed_at)} extension {number} changed by the directory",
                    sighting_line(facts.sightings[mac]),
                    *([reboot_line(reboot)] if reboot else []),
                ],
            )


def _changed_lines(facts: Facts, device: Device) -> Iterator[tuple[str, datetime]]:
    """Give the extensions of a phone that a run changed after its last fetch."""
    directory, sighting = facts.directory, facts.sightings[device.mac]
    for number in dict.fromkeys(line.extension for line in device.lines):
        extension = facts.extensions.get(number)
        if directory is None or extension is None or extension.source != directory.source:
            continue
        changed_at, fetched = directory.renamed.get(number), sighting.last_provisioned
        if changed_at is not None and (fetched is None or fetched < changed_at):
            yield number, changed_at


BAD = replace(
    directory_facts(renamed={"1001": NOW - 5 * MINUTE}),
    extensions={"1001": replace(EXTENSION, source="ad")},
    sightings={MAC: replace(SEEN, delivered=dict.fromkeys(SEEN.delivered, "b" * 64))},
)
GOOD = replace(
    BAD,
    reboots={MAC: replace(REBOOT, step=RebootStep.NOTIFIED, asked_at=HEALTHY.now - MINUTE)},
)
