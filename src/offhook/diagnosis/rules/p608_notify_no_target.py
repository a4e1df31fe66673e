"""An order to fetch again had nowhere to go.

What you see: the reboot record ends with "failed"; nothing was sent, and the phone is not
registered.

Why: an order goes to the address that a phone has registered. This phone's registration ended
between the order and its turn: it was unplugged, signed off, or its registration ran out.

What to do: nothing, if the phone is off: it fetches its file when it starts. If it is on, find out
why it is not registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.core.orders import NO_TARGET
from offhook.diagnosis.evidence import reboot_line, sighting_line
from offhook.diagnosis.examples import HEALTHY, MAC, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import stopped_reboots
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P608",
    name="notify-no-target",
    title="No registered phone to give the order to",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="device {mac} (extension {extension}) was not registered when it was to be told",
    steps=(
        "Check that the phone is on; at its start it fetches its file by itself",
        "If it is on, restart it by hand, and see why it does not register",
    ),
    is_of_device=True,
    explains=("P310", "P401"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose last order found no registration, and that have none now."""
    for mac, reboot in stopped_reboots(facts, RebootStep.FAILED):
        if reboot.detail == NO_TARGET and not facts.device_registrations.get(mac):
            sighting = facts.sightings.get(mac)
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                extension=reboot.extension,
                evidence=[reboot_line(reboot), *([sighting_line(sighting)] if sighting else [])],
            )


_ORDER = replace(REBOOT, step=RebootStep.FAILED, fault="P601", detail=NO_TARGET)
BAD = replace(HEALTHY, reboots={MAC: _ORDER}, registrations={}, device_registrations={})
GOOD = replace(HEALTHY, reboots={MAC: _ORDER}, sightings={MAC: SEEN})
