"""The certificate of SIP over TLS is not valid today.

What you see: phones that use TLS do not register, all since one day; phones over UDP work.

Why: the certificate ran out and was not renewed, or begins only later, or this machine's clock is
wrong.

What to do: renew the certificate. The new file is taken without a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import stamp
from offhook.diagnosis.examples import HEALTHY, NOW
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import CERTIFICATE, unregistered_over_tls
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.tls_phones import concerned

FAULT = Fault(
    code="P905",
    name="tls-certificate-expired",
    title="The certificate of SIP over TLS is not valid today",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="the certificate of SIP over TLS at {place} {problem}",
    steps=(
        "Renew the certificate and write it to the file of `sip.tls_certificate`; it is taken "
        "without a restart",
        "Check this machine's clock: date -u",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate outside its time, and the unregistered phones that meet it."""
    fact = facts.probes.certificate
    if fact is None or fact.not_before <= facts.now <= fact.not_after:
        return
    is_over = facts.now > fact.not_after
    problem = (
        f"expired at {stamp(fact.not_after)}" if is_over else f"begins at {stamp(fact.not_before)}"
    )
    for subject in concerned(facts):
        yield FAULT.finding(subject, evidence=[fact.line], place=fact.place, problem=problem)


BAD = unregistered_over_tls(replace(CERTIFICATE, not_after=NOW - timedelta(days=1)))
GOOD = replace(HEALTHY, probes=BAD.probes)
