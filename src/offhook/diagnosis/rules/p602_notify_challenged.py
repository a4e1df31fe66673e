"""A phone asked for a password before obeying, and did not accept the line's.

What you see: the reboot record ends with "challenged"; the phone keeps its old settings.

Why: some phones obey an order to fetch again only from somebody who knows the password of the
line. The phone has another one than this server, or has another rule for such orders.

What to do: restart the phone once by hand, so that it fetches its file with the current password.
If it still refuses, switch off in its settings that such orders need a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.diagnosis.evidence import reboot_line
from offhook.diagnosis.examples import HEALTHY, MAC, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import stopped_reboots
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P602",
    name="notify-challenged",
    title="Phone does not accept our credentials for the order to fetch again",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="device {mac} did not accept the password of extension {extension} for NOTIFY {event}",
    steps=(
        "Restart the phone by hand, so that it fetches its file with the current password",
        "If it refuses again: switch off on the phone that resync or reboot needs a password",
    ),
    is_of_device=True,
    explains=("P310", "P512"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose last reboot ended at a challenge."""
    for mac, reboot in stopped_reboots(facts, RebootStep.CHALLENGED):
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            evidence=[reboot_line(reboot)],
        )


_REBOOT = replace(REBOOT, step=RebootStep.CHALLENGED, sip_code=401, sip_reason="Unauthorized")
BAD = replace(HEALTHY, reboots={MAC: _REBOOT})
GOOD = replace(BAD, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now)})
