"""A phone was told to restart, found its file unchanged and did nothing.

What you see: somebody ordered a restart; the phone answered, fetched the file that it had already,
and goes on without a restart. "I reset it and nothing happens."

Why: phones of this maker compare a file with the one they have, and apply it, or restart, only when
it differs. So the order reached the phone and was obeyed as far as the phone thinks necessary.

What to do: nothing, if the phone works. If it has lost a setting that its file contains, change any
setting so that the file differs, or reset the phone to factory settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import OutcomeKind, RebootStep
from offhook.core.orders import BY_PERSON
from offhook.diagnosis.evidence import attempt_line, reboot_line, registration_line
from offhook.diagnosis.examples import ACME, BINDING, HEALTHY, MAC, MINUTE, REBOOT, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.orders import fetched_after, is_unchanged, not_restarted, sent_at
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P318",
    name="unchanged-hash-skipped",
    title="Phone has this file already and did not restart",
    severity=Severity.INFO,
    stage=Stage.APPLIED,
    message="device {mac} (extension {extension}) fetched an unchanged file and did not restart",
    steps=(
        "Nothing needs to be done if the phone works: it has its current file",
        "To make it apply its file again, change a setting of it, or restart it by hand",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that a person told to restart and that only fetched what they had."""
    for device, profile, reboot, binding in not_restarted(facts):
        if profile.compares_files and is_unchanged(facts, device.mac, sent_at(reboot)):
            fetched = fetched_after(facts, device.mac, sent_at(reboot))
            yield FAULT.finding(
                device.mac.colons,
                mac=device.mac.colons,
                extension=reboot.extension,
                evidence=[
                    reboot_line(reboot),
                    *map(attempt_line, fetched[:3]),
                    registration_line(binding),
                ],
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
_SAME = replace(SERVED, kind=OutcomeKind.UNCHANGED, status=304, at=_ASKED + MINUTE)
_REFRESHED = replace(BINDING, refreshed_at=HEALTHY.now - MINUTE)
BAD = replace(
    HEALTHY,
    profiles={**HEALTHY.profiles, "acme": replace(ACME, compares_files=True)},
    reboots={MAC: _ORDER},
    attempts=(_SAME, SERVED),
    registrations={"1001": (_REFRESHED,)},
    device_registrations={MAC: (_REFRESHED,)},
)
_RESTARTED = replace(_REFRESHED, registered_at=_ASKED + 2 * MINUTE)
GOOD = replace(BAD, device_registrations={MAC: (_RESTARTED,)})
