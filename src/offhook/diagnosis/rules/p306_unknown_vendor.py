"""A device's vendor is none that this server knows.

What you see: the phone gets no file; registering the device is refused.

Why: the vendor is misspelt, or its folder was removed after the device was registered.

What to do: use one of the vendors that are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, MAC, PHONE
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P306",
    name="unknown-vendor",
    title="Unknown vendor",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="vendor {vendor!r} is unknown",
    steps=(
        "Use one of the known vendors: {known}",
        "Check supported vendors/models: GET /api/provisioning/vendors",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose vendor no profile has."""
    for mac, device in facts.devices.items():
        if device.vendor not in facts.profiles:
            yield FAULT.finding(
                mac.colons,
                vendor=device.vendor,
                known=", ".join(sorted(facts.profiles)),
                evidence=[f"device {mac.colons}, model {shown(device.model)}"],
            )


BAD = replace(HEALTHY, devices={MAC: replace(PHONE, vendor="acne")})
GOOD = HEALTHY
