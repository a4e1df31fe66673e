"""A phone asked for a file that does not exist here.

What you see: requests with 404 and no MAC address, or a name that no phone of this maker uses.

Why: the URL in the phone ends in a file name where a folder belongs, or names a file of another
system. Without a MAC address nobody can tell whose file it should be. Files that makers merely
probe for (licences, boot files) are answered quietly and are no fault.

What to do: give the phone the folder URL with its slash at the end, so that it asks for its own
file names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import OutcomeKind
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.asking import is_image, nameless_images
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P203",
    name="file-not-in-routes",
    title="No such file for this phone",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="no file {file!r} for this phone, or no MAC address in the request",
    steps=(
        "Set the phone's provisioning URL to the folder /provision/ with the slash at the end,"
        " or to the file of its own MAC address, such as /provision/001565123456.cfg",
    ),
)
# A phone fetches all its files within a minute or so: one that got its own is content.
_ONE_BOOT = timedelta(minutes=10)


def names_served(profile: VendorProfile) -> str:
    """Name the files that a maker's phones find here."""
    names = dict.fromkeys(rule.name for rule in profile.files if rule.is_expected and rule.template)
    return f"Files of {profile.label} phones: {', '.join(names)}"


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that ask for unknown files and get none of their own."""
    told = {attempt.request_id for attempt, _ in nameless_images(facts)}
    for attempt, maker in unmended(facts, FAULT.code, grace=_ONE_BOOT):
        is_known = attempt.mac in facts.devices and is_image(attempt.file, facts.profiles)
        if is_known or attempt.request_id in told:  # P213 and P211 tell of firmware
            continue
        profile = facts.profiles.get(maker or attempt.vendor)
        yield FAULT.finding(
            attempt.mac.colons if attempt.mac else attempt.address,
            file=attempt.file,
            evidence=[attempt_line(attempt)],
            more_steps=[names_served(profile)] if profile else [],
        )


_ASKED = replace(REFUSED, fault="P203", status=404, path="phone.cfg", file="phone.cfg")
BAD = replace(HEALTHY, attempts=(_ASKED,))
GOOD = replace(HEALTHY, attempts=(replace(_ASKED, kind=OutcomeKind.OPTIONAL, fault=""), SERVED))
