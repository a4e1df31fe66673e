"""A device's MAC address belongs to another maker than its record says.

What you see: a phone refuses its file or ignores it, or never asks for the names that are served.

Why: the first six digits of a MAC address name the maker of the hardware. They are registered to
another maker than the one in the record, and the phone has not yet said itself what it is.

What to do: look at the phone. Correct the vendor of the record, or the MAC address. Some makers
sell hardware of others: if the record is right, the warning ends when the phone first asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.diagnosis.examples import HEALTHY, MINUTE, PHONE
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import last_agents
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P303",
    name="oui-vendor",
    title="MAC address of another maker",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="device {mac} is registered as {vendor}, its MAC address belongs to {other}",
    steps=(
        "Verify device registration uses correct vendor/model, and the phone's own MAC address",
        "Update if needed: DELETE /api/provisioning/devices/{mac}\n"
        "then POST /api/provisioning/devices with the correct vendor, model and MAC address",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose block is another maker's; a phone's own word is a better proof."""
    owners: dict[int, list[str]] = defaultdict(list)
    for profile in facts.profiles.values():
        for oui in profile.ouis:
            owners[int(oui, 16)].append(profile.name)
    told = last_agents(facts)
    for mac, device in facts.devices.items():
        makers = owners.get(mac.value >> 24, [])
        is_known = device.vendor in facts.profiles
        if is_known and makers and device.vendor not in makers and mac not in told:
            labels = [facts.profiles[name].label for name in makers]
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                vendor=facts.profiles[device.vendor].label,
                other=" or ".join(labels),
                evidence=[f"block {mac.colons[:8]} belongs to {' and '.join(labels)}"],
            )


_OTHERS = replace(PHONE, mac=Mac(0x02B017000001), created_at=HEALTHY.now - MINUTE)
BAD = replace(HEALTHY, devices={**HEALTHY.devices, _OTHERS.mac: _OTHERS})
GOOD = replace(HEALTHY, devices={**HEALTHY.devices, _OTHERS.mac: replace(_OTHERS, vendor="bolt")})
