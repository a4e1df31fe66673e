"""A phone was told to fetch again and did not answer.

What you see: the reboot record ends with "unanswered" or "failed"; the phone keeps its old
settings.

Why: the phone is off or was unplugged without signing off, its address changed, or a firewall or
router between keeps our request from it. Its registration lives on until it expires.

What to do: check that the phone is on and reachable. It fetches its new file when it boots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.core.orders import NO_TARGET
from offhook.diagnosis.evidence import reboot_line
from offhook.diagnosis.examples import HEALTHY, MAC, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import stopped_reboots
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P601",
    name="notify-unanswered",
    title="Phone does not answer the order to fetch again",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="device {mac} (extension {extension}) gave no answer to NOTIFY {event}",
    steps=(
        "Check that the phone is on and that this server reaches it; restart it by hand",
        "Then try again: POST /api/phones/{extension}/reboot",
    ),
    is_general=True,
    is_of_device=True,
    explains=("P310", "P512"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose last reboot ended without an answer."""
    for mac, reboot in stopped_reboots(facts, RebootStep.UNANSWERED, RebootStep.FAILED):
        if reboot.step is RebootStep.FAILED and reboot.fault != FAULT.code:
            continue  # we stopped before it was sent: says nothing about the phone
        if reboot.detail == NO_TARGET:
            continue  # nothing was sent
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            evidence=[reboot_line(reboot)],
        )


BAD = replace(HEALTHY, reboots={MAC: REBOOT})
GOOD = replace(BAD, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now)})
