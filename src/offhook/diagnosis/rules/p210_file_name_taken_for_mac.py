"""Digits of a common file's name were taken for a MAC address.

What you see: a device with a MAC address of many zeros is registered and never asks, or a phone
seems to ask as such a device.

Why: the common file of a model has twelve digits in its name. Somebody read them as a MAC address,
in the record or in the phone's URL.

What to do: read the MAC address on the phone's label, register that, and give the phone the folder
URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.evidence import unknown_line
from offhook.diagnosis.examples import ACME, HEALTHY, MINUTE, PHONE
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.history import recent_unknown
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P210",
    name="file-name-taken-for-mac",
    title="Digits of a file's name stand for a MAC address",
    severity=Severity.ERROR,
    stage=Stage.IDENTIFIED,
    message="{mac} is no phone's MAC address but the number in {code}, a model's common file",
    steps=(
        "Read the MAC address on the phone's label (or in its status menu)",
        "If {mac} is registered: DELETE /api/provisioning/devices/{mac}\n"
        "then POST /api/provisioning/devices with the phone's own MAC address",
        "Set the phone's provisioning URL to the folder with the slash at the end: {base}",
    ),
    explains=("P301",),
)
_DIGITS = re.compile(r"[a-z]*([0-9]{12})")


def check(facts: Facts) -> Iterator[Finding]:
    """Find the records and the unknown phones whose MAC is a model's number."""
    asked = {phone.mac: phone for phone in recent_unknown(facts)}
    for profile in facts.profiles.values():
        for code, mac in _numbers(profile):
            device = facts.devices.get(mac)
            evidence = None
            if device is not None:
                what = f"registered as {profile.label} of extension {device.extension}"
                evidence = Evidence(what, device.created_at)
            elif mac in asked:
                evidence = unknown_line(asked[mac])
            if evidence is not None:
                values = {"mac": mac.colons, "code": f"{code}.cfg", "base": facts.config.base}
                yield FAULT.finding(mac.colons, evidence=[evidence], **values)


def _numbers(profile: VendorProfile) -> Iterator[tuple[str, Mac]]:
    """Codes of models that hold twelve digits, each once, as the MAC that they look like."""
    codes = dict.fromkeys(code for model in profile.models for code in model.codes)
    for code in codes:
        found = _DIGITS.fullmatch(code)
        if found and int(found[1], 16):
            yield code, Mac(int(found[1], 16))


_MODEL = replace(ACME.models[0], codes=("a000000000066",))
_ACME = replace(ACME, models=(_MODEL, *ACME.models[1:]))
_WRONG = replace(PHONE, mac=Mac(0x66), created_at=HEALTHY.now - MINUTE)
GOOD = replace(HEALTHY, profiles={**HEALTHY.profiles, "acme": _ACME})
BAD = replace(GOOD, devices={**HEALTHY.devices, _WRONG.mac: _WRONG})
