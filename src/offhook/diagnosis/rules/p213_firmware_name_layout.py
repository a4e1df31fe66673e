"""A phone asked for a firmware file that is not here.

What you see: the phone has its settings, but its firmware stays; a firmware file is answered with
404.

Why: a firmware URL in the phone or in its free settings names this server, which has no firmware,
or the maker gave the file another name or folder than the URL says.

What to do: put the maker's file on a web server under exactly the name that is asked, or clear the
firmware URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.asking import asked_by, is_image
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import ACME, ADDRESS, HEALTHY, MAC, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P213",
    name="firmware-name-layout",
    title="No firmware file of this name",
    severity=Severity.WARNING,
    stage=Stage.APPLIED,
    message="phone {mac} asked for the firmware {file}, which is not here",
    steps=(
        "Serve the maker's file from a web server under exactly this path: {path}",
        "or clear the firmware URL in the phone and in its settings: this server has no firmware",
        "If the maker packs the firmware differently now, use the URL of the new file",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices refused an image in the last day whose next boot has not left it out."""
    for mac, attempts in asked_by(facts, facts.devices).items():
        refused = next(
            (it for it in attempts if it.fault == "P203" and is_image(it.file, facts.profiles)),
            None,
        )
        if refused is None:
            continue
        later = [it for it in attempts if it.at > refused.at + 10 * MINUTE and it.is_delivery]
        if not later:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                file=refused.file,
                path=refused.path,
                evidence=[attempt_line(refused)],
            )


_ACME = replace(ACME, images=(".rom",))
_IMAGE = replace(
    REFUSED, fault="P203", status=404, path="fw/a1.rom", file="a1.rom", address=ADDRESS, mac=MAC
)
BAD = replace(HEALTHY, profiles={**HEALTHY.profiles, "acme": _ACME}, attempts=(_IMAGE, SERVED))
_EARLIER = replace(_IMAGE, at=HEALTHY.now - 40 * MINUTE)
GOOD = replace(BAD, attempts=(replace(SERVED, at=HEALTHY.now - 20 * MINUTE), _EARLIER))
