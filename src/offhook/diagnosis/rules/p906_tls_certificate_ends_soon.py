"""A certificate of this server ends within two weeks, or its renewed file cannot be used.

What you see: nothing yet. When it has ended, phones that use it do not register, or fetch nothing
(P905).

Why: certificates are renewed by a program that may have stopped, or that wrote a file which does
not fit: a key of another certificate, a file this account cannot read.

What to do: renew it, and look whether the new one is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import stamp
from offhook.diagnosis.examples import HEALTHY, NOW
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import CERTIFICATE
from offhook.diagnosis.probe_facts import CertificateFact, ProbeFacts
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P906",
    name="tls-certificate-ends-soon",
    title="A certificate of this server needs care",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="the certificate of {service} needs care: {problem}",
    steps=(
        "Renew it and write certificate and key to the files of `{setting}` and `{key}`; they are "
        "taken without a restart",
        "Run the probes again: offhook doctor --probe",
    ),
)
_SOON = timedelta(days=14)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate that ends within 14 days, or files that could not be taken."""
    for fact in facts.probes.certificates:
        service, problem = fact.service, _problem(facts, fact)
        if problem:
            yield FAULT.finding(
                service.certificate,
                evidence=[fact.line],
                problem=problem,
                service=service.name,
                setting=service.certificate,
                key=service.key,
            )


def _problem(facts: Facts, fact: CertificateFact) -> str:
    if fact.disk_problem:
        return f"the file as it is now cannot be used, the former one is shown: {fact.disk_problem}"
    if facts.now < fact.not_after <= facts.now + _SOON:
        return f"it ends at {stamp(fact.not_after)}"
    return ""


BAD = replace(
    HEALTHY,
    probes=ProbeFacts(certificates=(replace(CERTIFICATE, not_after=NOW + timedelta(days=3)),)),
)
GOOD = replace(HEALTHY, probes=ProbeFacts(certificates=(CERTIFICATE,)))
