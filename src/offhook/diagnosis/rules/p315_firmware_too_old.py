"""A phone's firmware is too old for TLS as it is spoken today.

What you see: the device is told to register by TLS, fetches its file, and never registers.

Why: its firmware speaks only versions of TLS that are refused nowadays (RFC 8996).

What to do: update the phone's firmware first, by plain HTTP, or let this phone register by TCP or
UDP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.evidence import sighting_line
from offhook.diagnosis.examples import ACME, HEALTHY, MAC, MINUTE, SEEN
from offhook.diagnosis.facts import Facts, ServedAccount, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P315",
    name="firmware-too-old",
    title="Firmware too old for TLS",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="phone {mac} shall register by TLS, its firmware {firmware} is older than {needed}",
    steps=(
        "Update the phone's firmware to {needed} or newer",
        "or set `transport` of this device to tcp or udp: PUT /api/provisioning/devices/{mac}",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices told to use TLS, not registered, with firmware below their maker's first."""
    for mac, device in facts.devices.items():
        profile = facts.profiles.get(device.vendor)
        account = facts.sip.accounts.get(mac)
        sighting = facts.sightings.get(mac)
        is_tls = account is not None and account.transport == "tls"
        if not (profile and sighting and is_tls) or facts.device_registrations.get(mac):
            continue
        needed = _needed(profile, mac, facts)
        if needed and sighting.firmware and version(sighting.firmware) < version(needed):
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                firmware=sighting.firmware,
                needed=needed,
                evidence=[sighting_line(sighting)],
            )


def version(text: str) -> tuple[int, ...]:
    """Read a firmware's version as numbers: `5.9.7.3480`."""
    return tuple(map(int, re.findall(r"[0-9]{1,9}", text)))


def _needed(profile: VendorProfile, mac: Mac, facts: Facts) -> str:
    model = profile.model(facts.devices[mac].model)
    return profile.tls_since.get(model.family, "") if model else ""


_ACME = replace(ACME, tls_since={"all": "2.0"})
BAD = replace(
    HEALTHY,
    config=replace(HEALTHY.config, tls_port=5061),
    profiles={**HEALTHY.profiles, "acme": _ACME},
    sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now - MINUTE)},
    registrations={},
    device_registrations={},
    sip=SipFacts(accounts={MAC: ServedAccount(transport="tls")}),
)
GOOD = replace(BAD, sightings={MAC: replace(BAD.sightings[MAC], firmware="2.0.1")})
