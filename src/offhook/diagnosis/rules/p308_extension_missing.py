"""A device has a line for an extension that does not exist.

What you see: the phone gets no file, or registering the device is refused.

Why: the number is mistyped, or the extension was removed while the device stayed.

What to do: add the extension, or register the device with one that exists.
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
    code="P308",
    name="extension-missing",
    title="Extension does not exist",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="device {mac} has a line for extension {extension}, which does not exist",
    steps=(
        'Add the extension: POST /api/extensions with {{"number":"{extension}","name":"NAME"}}',
        "or register the device with another extension: POST /api/provisioning/devices\n"
        'with "mac_address":"{mac}"',
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the lines without an extension."""
    for mac, device in facts.devices.items():
        for line in device.lines:
            if line.extension not in facts.extensions:
                yield FAULT.finding(
                    mac.colons,
                    mac=mac.colons,
                    extension=shown(line.extension, 64),
                    evidence=[f"line {line.index}, {device.vendor} {device.model}"],
                )


_LINE = replace(PHONE.lines[0], index=2, extension="1999")
BAD = replace(HEALTHY, devices={MAC: replace(PHONE, lines=(*PHONE.lines, _LINE))})
GOOD = HEALTHY
