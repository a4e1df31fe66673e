"""A phone was told to restart, and only fetched.

What you see: somebody ordered a restart; the phone answered with 200 and fetched its file, but it
went on without a restart: it still registers with the same Call-ID.

Why: the order names an event, and what a phone does on it differs between models and firmware, and
by its settings. This phone takes the event for "fetch again".

What to do: nothing, if the new settings are there: the file was fetched. If the phone really has to
restart, do it by hand, and check that the vendor and model of its record are right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.core.orders import BY_PERSON
from offhook.diagnosis.evidence import reboot_line, registration_line
from offhook.diagnosis.examples import BINDING, HEALTHY, MAC, MINUTE, REBOOT
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.orders import is_unchanged, not_restarted, sent_at
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P607",
    name="notify-wrong-event",
    title="Phone fetched, but did not restart as it was told",
    severity=Severity.INFO,
    stage=Stage.REACHABLE,
    message="device {mac} (extension {extension}) fetched on NOTIFY {event} and did not restart",
    steps=(
        "Nothing needs to be done if its settings are right: it has its current file",
        "If it has to restart, do it by hand; check vendor and model of its record",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that took an order to restart for one to fetch."""
    for device, profile, reboot, binding in not_restarted(facts):
        if profile.compares_files and is_unchanged(facts, device.mac, sent_at(reboot)):
            continue  # it had nothing new to apply
        yield FAULT.finding(
            device.mac.colons,
            mac=device.mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            evidence=[reboot_line(reboot), registration_line(binding)],
        )


_ASKED = HEALTHY.now - 28 * MINUTE
_ORDER = replace(
    REBOOT,
    step=RebootStep.REGISTERED,
    sip_code=200,
    reason=BY_PERSON,
    asked_at=_ASKED,
    steps={RebootStep.FETCHED: _ASKED + MINUTE},
)
_REFRESHED = replace(BINDING, refreshed_at=HEALTHY.now - MINUTE)
BAD = replace(HEALTHY, reboots={MAC: _ORDER}, device_registrations={MAC: (_REFRESHED,)})
_RESTARTED = replace(_REFRESHED, registered_at=_ASKED + 2 * MINUTE)
GOOD = replace(BAD, device_registrations={MAC: (_RESTARTED,)})
