"""The certificate of SIP over TLS is for another name than phones are told.

What you see: phones that check names do not register over TLS; their log says hostname mismatch.

Why: phones compare the server's name in their file (`server.external_ip`) with the names in the
certificate. An address there needs a certificate for that address, which public authorities hardly
give.

What to do: put the certificate's name into `server.external_ip`, or get one for what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import CERTIFICATE, unregistered_over_tls
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.tls_phones import concerned

FAULT = Fault(
    code="P907",
    name="tls-certificate-wrong-name",
    title="The certificate of SIP over TLS is for another name",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="phones are told {wanted}, the certificate of SIP over TLS is for {names}",
    steps=(
        "Put a name of the certificate into `server.external_ip`, if the phones' DNS knows it",
        "Or get a certificate for {wanted}, and write it to the file of `sip.tls_certificate`",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate without the name in the phones' files, and the phones that meet it."""
    fact = facts.probes.certificate
    if fact is not None and not fact.is_name_right:
        names = ", ".join(fact.names) or "no name"
        for subject in concerned(facts):
            yield FAULT.finding(subject, evidence=[fact.line], wanted=fact.wanted, names=names)


BAD = unregistered_over_tls(replace(CERTIFICATE, names=("old.example.org",), is_name_right=False))
GOOD = replace(HEALTHY, probes=BAD.probes)
