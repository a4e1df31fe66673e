"""A phone asked for firmware without saying who it is.

What you see: a firmware file is answered with 404; the request holds no MAC address, neither in
its path nor in its User-Agent. One known phone has the address.

Why: firmware is fetched by another part of the phone, from the URL in its settings as it stands.
That URL names this server and a file that is not here.

What to do: put the maker's firmware where the URL says, or take the URL out of the phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.asking import nameless_images
from offhook.diagnosis.evidence import attempt_line, sighting_line
from offhook.diagnosis.examples import ACME, ADDRESS, HEALTHY, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P211",
    name="no-mac-for-firmware",
    title="Firmware was asked without a MAC address",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="{address} asked for the firmware {file} without a MAC address;"
    " the only phone known there is {mac}",
    steps=(
        "Serve the maker's file {file} from a web server and set that URL in the phone",
        "or clear the firmware URL in the phone: this server has no firmware",
        "To see here who asks, add the MAC address to that URL: ?mac={mac}",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find such requests of the last day that no delivery to that kind of phone followed."""
    for attempt, mac in nameless_images(facts):
        yield FAULT.finding(
            mac.colons,
            address=attempt.address,
            file=attempt.file,
            mac=mac.colons,
            evidence=[attempt_line(attempt), sighting_line(facts.sightings[mac])],
        )


_ACME = replace(ACME, images=(".rom",))
_IMAGE = replace(
    REFUSED, fault="P203", status=404, path="fw/a1.rom", file="a1.rom", address=ADDRESS
)
BAD = replace(HEALTHY, profiles={**HEALTHY.profiles, "acme": _ACME}, attempts=(_IMAGE, SERVED))
GOOD = replace(BAD, attempts=(replace(SERVED, at=_IMAGE.at + MINUTE), _IMAGE))
