"""A phone asks for the file of another family of its maker's phones.

What you see: the device is registered and the phone asks, but for a name that its registered model
never uses; it is answered with 404 and stays as it was.

Why: makers have families of phones, or of firmware for one phone, that read different files. The
phone has other firmware than the registered model, or is another model.

What to do: compare the model on the phone's label with the record. If it is right, the phone has
firmware for another system: install the one that the guide of its maker names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.rules.p203_file_not_in_routes import names_served

FAULT = Fault(
    code="P207",
    name="wrong-file-family",
    title="Phone asks for the file of another family",
    severity=Severity.ERROR,
    stage=Stage.DELIVERED,
    message="phone {mac} asks for {file}, a file of another family than its registered model's",
    steps=(
        "Compare the model on the phone's label with the record: GET /api/provisioning/devices",
        "If the model is right, its firmware is for another system: install the firmware for use"
        " with any SIP server (see GET /api/provisioning/vendors), then let it fetch again",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that asked for such a file and got none of their own since."""
    for attempt, _ in unmended(facts, FAULT.code):
        device = facts.devices.get(attempt.mac) if attempt.mac else None
        profile = facts.profiles.get(device.vendor) if device else None
        if device is not None:
            yield FAULT.finding(
                device.mac.colons,
                mac=device.mac.colons,
                file=attempt.file,
                evidence=[attempt_line(attempt)],
                more_steps=[names_served(profile)] if profile else [],
            )


_OTHER = replace(REFUSED, fault="P207", status=404, path=f"{MAC}.cnf", file=f"{MAC}.cnf", mac=MAC)
BAD = replace(HEALTHY, attempts=(_OTHER, SERVED))
GOOD = replace(HEALTHY, attempts=(replace(SERVED, at=_OTHER.at + MINUTE), _OTHER))
