"""A phone restarted and asked for its files elsewhere.

What you see: the phone obeyed the order to restart and registered again, but it did not ask this
server for anything, although it did so earlier.

Why: a phone fetches its files when it starts. This one started and did not come, so it asks another
server, or none: a URL stored in the phone wins over DHCP with many makers, an old DHCP option wins
over a new one, or the phone sits in another network (VLAN) with another DHCP server. It registers
here with what it fetched here earlier.

What to do: check these in this order: the URL stored in the phone, the DHCP options, the VLAN. Then
restart the phone and watch the request history. Where nothing helps, reset the phone to factory
settings: that clears what it remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.advice import dhcp_lines, menu_lines, safer_lines, variable_url
from offhook.diagnosis.evidence import reboot_line, sighting_line
from offhook.diagnosis.examples import BINDING, HEALTHY, MAC, MINUTE, REBOOT
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.orders import restart_after, restart_line, sent_at, unfetched
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P316",
    name="old-server-remembered",
    title="Phone restarted and asked another server, or none",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="device {mac} (extension {extension}) restarted and did not ask here for its files",
    steps=(),
    is_of_device=True,
    explains=("P310", "P604"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that restarted after an order and sent no request at all."""
    for device, profile, reboot in unfetched(facts):
        mac = device.mac
        sighting = facts.sightings.get(mac)
        binding = restart_after(facts, mac, sent_at(reboot))
        if binding is None or sighting is None or sighting.last_contact is None:
            continue
        if sighting.last_contact < reboot.asked_at:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                extension=reboot.extension,
                evidence=[reboot_line(reboot), restart_line(binding), sighting_line(sighting)],
                more_steps=_steps(facts, profile),
            )


def _steps(facts: Facts, profile: VendorProfile) -> tuple[str, ...]:
    base = facts.config.base
    menu = [*menu_lines(profile, variable_url(profile, base)), *safer_lines(profile, base)]
    where = f" ({profile.status_menu})" if profile.status_menu else ""
    return (
        "\n".join(("Check the URL stored in the phone, which wins over DHCP:", *menu)),
        "\n".join(("Check what DHCP tells the phone:", *dhcp_lines(profile, base))),
        f"Check the phone's address and VLAN{where}: it must reach {base}",
        "Restart the phone and look at GET /api/provisioning/requests",
    )


_ORDER = replace(REBOOT, step=RebootStep.NOT_FETCHED, sip_code=200, sip_reason="OK")
_RESTARTED = replace(BINDING, call_id="new", registered_at=HEALTHY.now - 18 * MINUTE)
BAD = replace(
    HEALTHY,
    reboots={MAC: _ORDER},
    registrations={"1001": (_RESTARTED,)},
    device_registrations={MAC: (_RESTARTED,)},
)
_CAME = replace(HEALTHY.sightings[MAC], last_provisioned=HEALTHY.now - 18 * MINUTE)
GOOD = replace(BAD, sightings={MAC: _CAME})
