"""A phone asked for its file, and no device with its MAC address is registered.

What you see: the phone shows a provisioning error, its request is answered with 404, and the log
says that the device is not registered.

Why: nobody added the phone, or its MAC address was mistyped when it was added.

What to do: register it with its extension, vendor and model. If a similar MAC address is
registered, compare both with the label on the phone first: the record may be the one that is
wrong. Any spelling of the MAC address works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import UnknownPhone
from offhook.diagnosis.evidence import unknown_line
from offhook.diagnosis.examples import HEALTHY, UNKNOWN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import recent_unknown
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P301",
    name="unknown-mac",
    title="Device is not registered",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="Device {mac_colons} not registered in provisioning system",
    steps=(
        "Device needs to be registered first",
        "Register via API: POST /api/provisioning/devices\n"
        'with JSON: {{"mac_address":"{mac_colons}","extension_number":"XXXX",'
        '"vendor":"{vendor}","model":"{model}"}}',
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the unknown phones of the last day."""
    for phone in recent_unknown(facts):
        vendor, model = _names(facts, phone)
        yield FAULT.finding(
            phone.mac.colons,
            mac_colons=phone.mac.colons,
            vendor=vendor,
            model=model,
            evidence=[f"Normalized MAC: {phone.mac}", unknown_line(phone)],
        )


def _names(facts: Facts, phone: UnknownPhone) -> tuple[str, str]:
    """Vendor and model as the API takes them; never a text of the phone's own making."""
    profile = facts.profiles.get(phone.vendor)
    model = profile.model(phone.model) if profile and phone.model else None
    return (profile.name if profile else "VENDOR", model.name if model else "MODEL")


BAD = replace(HEALTHY, unknown=(UNKNOWN,))
GOOD = replace(HEALTHY, unknown=(replace(UNKNOWN, last_seen=HEALTHY.now - timedelta(days=2)),))
