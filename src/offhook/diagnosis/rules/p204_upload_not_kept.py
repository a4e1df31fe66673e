"""A phone wants to write a file that is not its own to write.

What you see: a PUT or POST is answered with 405; the phone works all the same.

Why: phones of some makers upload logs and local settings, which are kept. Files that we make, and
names that no maker's phones upload, are never taken from outside.

What to do: nothing, if phone and calls are right. Otherwise switch the upload off in the phone's
provisioning menu.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import attempt_line, shown
from offhook.diagnosis.examples import HEALTHY, REFUSED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P204",
    name="upload-not-kept",
    title="An upload is not kept",
    severity=Severity.INFO,
    stage=Stage.IDENTIFIED,
    message="a phone may not upload {file}",
    steps=("Nothing needs to be done; to stop it, switch uploads off in the phone",),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Name each phone once that keeps trying."""
    newest = {
        (attempt.mac.colons if attempt.mac else attempt.address): attempt
        for attempt in reversed(facts.attempts)
        if attempt.fault == FAULT.code and not attempt.is_test
    }
    for subject, attempt in newest.items():
        yield FAULT.finding(subject, file=shown(attempt.file), evidence=[attempt_line(attempt)])


_PUT = replace(REFUSED, fault="P204", status=405, method="PUT", file="001565123456.cfg")
BAD = replace(HEALTHY, attempts=(_PUT,))
GOOD = replace(HEALTHY, attempts=(replace(_PUT, is_test=True),))
