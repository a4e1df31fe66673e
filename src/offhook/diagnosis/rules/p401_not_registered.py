"""A phone has its current file but none of its extensions is registered.

What you see: the phone shows "no service" or a crossed-out line; calls to it fail.

Why: the phone was given its account and did not take it, cannot reach the SIP port, is refused, or
has been switched off since. A setting typed on the phone wins over the file with many makers.

What to do: look for refused registrations first (P402, P403), then at the account on the phone,
then at the network between the phone and this server's SIP port.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import Device
from offhook.diagnosis.evidence import sighting_line
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import is_rebooting
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P401",
    name="not-registered",
    title="Phone has its file but is not registered",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="device {mac} has its current file, but extension {extension} is not registered",
    steps=(
        "Check that the phone is on, and look for P402 or P403: it may be refused",
        "Check the account shown on the phone: a setting typed there may win over the file",
    ),
    is_general=True,
    is_of_device=True,
)
_PATIENCE = timedelta(minutes=3)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that fetched more than three minutes ago and have no binding."""
    for mac, device in facts.devices.items():
        numbers = [line.extension for line in device.lines if _is_on(facts, line.extension)]
        is_bound = facts.device_registrations.get(mac) or any(map(facts.registrations.get, numbers))
        if numbers and not is_bound and _has_current_file(facts, device):
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                extension=", ".join(numbers),
                evidence=[sighting_line(facts.sightings[mac])],
                more_steps=[
                    f"Check that the phone reaches {facts.config.external_ip},"
                    f" port {facts.config.sip_port} UDP and TCP (firewall, VLAN)"
                ],
            )


def _is_on(facts: Facts, number: str) -> bool:
    """Say whether an extension may register: it is there, and not disabled."""
    extension = facts.extensions.get(number)
    return extension is not None and extension.is_enabled


def _has_current_file(facts: Facts, device: Device) -> bool:
    """Fetched long enough ago, every delivered file up to date, and no reboot under way."""
    sighting = facts.sightings.get(device.mac)
    if sighting is None or sighting.last_provisioned is None or is_rebooting(facts, device.mac):
        return False
    expected = facts.expected.get(device.mac, {})
    common = expected.keys() & sighting.delivered.keys()
    is_current = all(expected[name] == sighting.delivered[name] for name in common)
    return bool(common) and is_current and facts.now - sighting.last_provisioned > _PATIENCE


_SILENT = replace(HEALTHY, registrations={}, device_registrations={})
BAD = _SILENT
GOOD = replace(_SILENT, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now - 2 * MINUTE)})
