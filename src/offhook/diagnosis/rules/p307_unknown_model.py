"""A device's model is none of its vendor's that this server knows.

What you see: the phone gets no file; registering the device is refused.

Why: the model is misspelt or belongs to another vendor, or it is too new for this version.

What to do: use one of the models that are known, in any spelling of the maker. A model that is
missing often works with the settings of its nearest relative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY, MAC, PHONE
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P307",
    name="unknown-model",
    title="Unknown model",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="vendor {vendor} has no model {model!r}",
    steps=(
        "Use one of the models known of {vendor}: {known}",
        "Check supported vendors/models: GET /api/provisioning/vendors",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose model their vendor's profile does not have."""
    for mac, device in facts.devices.items():
        profile = facts.profiles.get(device.vendor)
        if profile is not None and profile.model(device.model) is None:
            yield FAULT.finding(
                mac.colons,
                vendor=profile.name,
                model=device.model,
                known=", ".join(model.name for model in profile.models),
                evidence=[f"device {mac.colons}"],
            )


BAD = replace(HEALTHY, devices={MAC: replace(PHONE, model="three")})
GOOD = replace(HEALTHY, devices={MAC: replace(PHONE, model="O-N E")})
