"""A certificate of this server is not valid today.

What you see: phones that use TLS do not register, all since one day; phones over UDP work. Or,
where it is that of HTTPS, phones fetch no file any more.

Why: the certificate ran out and was not renewed, or begins only later, or this machine's clock is
wrong.

What to do: renew the certificate. The new file is taken without a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from offhook.diagnosis.evidence import stamp
from offhook.diagnosis.examples import HEALTHY, NOW
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import CERTIFICATE, unregistered_over_tls
from offhook.diagnosis.probe_facts import CertificateFact
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.tls_phones import found

FAULT = Fault(
    code="P905",
    name="tls-certificate-expired",
    title="A certificate of this server is not valid today",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="the certificate of {service} at {place} {problem}",
    steps=(
        "Renew the certificate and write it to the file of `{setting}`; it is taken "
        "without a restart",
        "Check this machine's clock: date -u",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate outside its time, and the unregistered phones that meet it."""
    for fact in facts.probes.certificates:
        if problem := _problem(fact, facts.now):
            yield from found(FAULT, facts, fact, place=fact.place, problem=problem)


def _problem(fact: CertificateFact, now: datetime) -> str:
    if now > fact.not_after:
        return f"expired at {stamp(fact.not_after)}"
    return f"begins at {stamp(fact.not_before)}" if now < fact.not_before else ""


BAD = unregistered_over_tls(replace(CERTIFICATE, not_after=NOW - timedelta(days=1)))
GOOD = replace(HEALTHY, probes=BAD.probes)
