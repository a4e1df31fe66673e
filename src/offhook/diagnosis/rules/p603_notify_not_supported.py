"""A phone refused the order to fetch again.

What you see: the reboot record ends with "refused" and the SIP answer; the phone keeps its old
settings.

Why: 405, 481, 489 and 501 mean that this phone has no such order: softphones and many DECT bases
cannot be restarted from afar. 403 means that it does not take orders from this server, 404 that it
does not know the user.

What to do: restart the phone by hand; it fetches its file at boot. Check the vendor of the record,
since every maker has its own order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.diagnosis.evidence import reboot_line, shown
from offhook.diagnosis.examples import HEALTHY, MAC, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import stopped_reboots
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P603",
    name="notify-not-supported",
    title="Phone refuses the order to fetch again",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="device {mac} (extension {extension}) refused NOTIFY {event}: {sip_code} {sip_reason}",
    steps=("Restart the phone by hand: it fetches its file at boot",),
    is_of_device=True,
    explains=("P310", "P512"),
)
# RFC 3261 §21.4.6 and §21.5.2 method not allowed or not implemented, RFC 6665 §4.1.3 and §7.3.2
# no such subscription and bad event.
_UNSUPPORTED = frozenset({405, 481, 489, 501})


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose last reboot was refused."""
    for mac, reboot in stopped_reboots(facts, RebootStep.REFUSED):
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            sip_code=reboot.sip_code,
            sip_reason=shown(reboot.sip_reason, 64),
            evidence=[reboot_line(reboot)],
            more_steps=[_cause(reboot.sip_code)],
        )


def _cause(sip_code: int) -> str:
    if sip_code in _UNSUPPORTED:
        return (
            f"{sip_code} means that the phone does not support remote resync with this event:"
            " check the vendor of its record"
        )
    return f"{sip_code} may mean that the phone takes such orders only from a server it trusts"


_REBOOT = replace(REBOOT, step=RebootStep.REFUSED, sip_code=489, sip_reason="Bad Event")
BAD = replace(HEALTHY, reboots={MAC: _REBOOT})
GOOD = replace(BAD, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now)})
