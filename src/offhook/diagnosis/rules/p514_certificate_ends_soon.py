"""The certificate of the directory server ends within two weeks.

What you see: nothing yet. When it has ended, every synchronisation fails (P502).

Why: certificates of domain controllers run for a year, and renewing them by itself is not always
set up.

What to do: renew it before the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from offhook.diagnosis.directory_runs import server_name
from offhook.diagnosis.evidence import stamp
from offhook.diagnosis.examples import NOW, directory_facts
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P514",
    name="certificate-ends-soon",
    title="Certificate of the directory server ends soon",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="the certificate of directory {server} ends in {days} days",
    steps=("Renew the certificate of the domain controller; nothing has to change here",),
)
_SOON = timedelta(days=14)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate that ends within 14 days; one that has ended makes runs fail: P502."""
    ends = facts.directory.certificate_ends if facts.directory else None
    if ends is not None and facts.now < ends <= facts.now + _SOON:
        server = server_name(facts)
        yield FAULT.finding(
            server,
            evidence=[f"certificate of {server} ends at {stamp(ends)}"],
            server=server,
            days=(ends - facts.now).days,
        )


BAD = directory_facts(certificate_ends=NOW + timedelta(days=3, hours=1))
GOOD = directory_facts(certificate_ends=NOW + timedelta(days=15))
