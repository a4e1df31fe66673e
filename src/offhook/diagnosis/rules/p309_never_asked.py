"""A registered device has never asked for its file.

What you see: the device is in the list, and its history stays empty; the phone may show an old
configuration, another system's, or "no service".

Why: the phone never comes here. It is off, or DHCP does not tell it this server, or an address
stored in the phone wins over DHCP, or it sits in a network (VLAN) from which this server cannot be
reached.

What to do: check these in this order: the DHCP option, the URL stored in the phone, the VLAN.
Then restart the phone and watch the request history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import Device
from offhook.diagnosis.advice import dhcp_lines, menu_lines, safer_lines, variable_url
from offhook.diagnosis.evidence import registration_line, stamp
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.never_asked import is_never_asked
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P309",
    name="never-asked",
    title="Device never asked for its file",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="device {mac} never asked for its file",
    steps=(),
    is_general=True,
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices older than ten minutes of which no request is known."""
    for mac, device in facts.devices.items():
        if is_never_asked(facts, device):
            bindings = facts.device_registrations.get(mac, ())
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                evidence=[
                    f"registered in provisioning since {stamp(device.created_at)}",
                    *(registration_line(binding) for binding in bindings),
                ],
                more_steps=_steps(facts, device),
            )


def _steps(facts: Facts, device: Device) -> tuple[str, ...]:
    base = facts.config.base
    profile = facts.profiles.get(device.vendor)
    if profile is None:
        dhcp, menu, where = [f"Option 66: {base}"], [f"1. Set it to: {base}"], ""
    else:
        url = variable_url(profile, base)
        dhcp = dhcp_lines(profile, base)
        menu = [*menu_lines(profile, url), *safer_lines(profile, base)]
        where = f" ({profile.status_menu})" if profile.status_menu else ""
    stored = "Check the URL stored in the phone, which wins over DHCP with many makers:"
    return (
        "\n".join(("Check what DHCP tells the phone:", *dhcp)),
        "\n".join((stored, *menu)),
        f"Check the phone's address and VLAN{where}: it must reach {base}",
        "Restart the phone and look at GET /api/provisioning/requests",
    )


BAD = replace(HEALTHY, sightings={}, attempts=())
GOOD = replace(HEALTHY, sightings={}, attempts=HEALTHY.attempts)
