"""The directory server shows a certificate whose time is over.

What you see: the last synchronisation failed at the TLS handshake. Extensions and phones stay as
they are.

Why: the certificate of the domain controller ran out and was not renewed, or the clock of this
machine is wrong.

What to do: renew it on the domain controller. Do not turn the check off: the password of the
service account would go to whoever answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P502",
    name="certificate-expired",
    title="Certificate of the directory server has expired",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="the certificate of directory {server} has expired: {problem}",
    steps=(
        "Renew the certificate of the domain controller; nothing has to change here",
        "Check this machine's clock: `date -u`",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run that met an expired certificate."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P502",
    server="ldaps://dc1.example.test",
    problem="certificate has expired (notAfter=Jan  1 00:00:00 2026 GMT)",
)
GOOD = HEALTHY
