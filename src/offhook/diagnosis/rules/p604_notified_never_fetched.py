"""A phone accepted the order to fetch again, and then did not fetch.

What you see: the reboot record ends with "not_fetched"; the phone answered with 200.

Why: an answer only says that the order was understood. The phone may be told to ignore such orders,
may have no stored URL and ask DHCP only at power-on, may ask another server, or waits for the end
of a call.

What to do: restart the phone with its power plug. If it fetches then, check the URL stored in it
and its setting for orders by NOTIFY; if it does not, see P309.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.diagnosis.evidence import reboot_line, sighting_line
from offhook.diagnosis.examples import HEALTHY, MAC, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import stopped_reboots
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P604",
    name="notified-never-fetched",
    title="Phone accepted the order and did not fetch",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="device {mac} (extension {extension}) accepted NOTIFY {event} and did not fetch",
    steps=(
        "Restart the phone with its power plug and look at GET /api/provisioning/requests",
        "Check the URL stored in the phone: without one it may ask DHCP at power-on only",
        "Check that its settings let NOTIFY start a fetch, and that it was not in a call",
    ),
    is_general=True,
    is_of_device=True,
    explains=("P310", "P512"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that answered their last reboot and did not come."""
    for mac, reboot in stopped_reboots(facts, RebootStep.NOT_FETCHED):
        sighting = facts.sightings.get(mac)
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            evidence=[reboot_line(reboot), *([sighting_line(sighting)] if sighting else [])],
        )


_REBOOT = replace(REBOOT, step=RebootStep.NOT_FETCHED, sip_code=200, sip_reason="OK")
BAD = replace(HEALTHY, reboots={MAC: _REBOOT})
GOOD = replace(BAD, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now)})
