"""A certificate of this server is for another name than phones are told.

What you see: phones that check names do not register over TLS, or fetch nothing over HTTPS; their
log says hostname mismatch.

Why: phones compare the name they were told (`server.external_ip`; for files the one in
`provisioning.url_format`) with the names in the certificate. An address there needs a certificate
for that address, which public authorities hardly give.

What to do: tell phones the certificate's name, or get one for what they are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.tls_ports import HTTPS
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import CERTIFICATE, unregistered_over_tls
from offhook.diagnosis.probe_facts import CertificateFact
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.tls_phones import found

FAULT = Fault(
    code="P907",
    name="tls-certificate-wrong-name",
    title="A certificate of this server is for another name",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="phones are told {wanted}, the certificate of {service} is for {names}",
    steps=(
        "Put a name of the certificate into `{told_by}`, if the phones' DNS knows it",
        "Or get a certificate for {wanted}, and write it to the file of `{setting}`",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate without the name in the phones' files, and the phones that meet it."""
    for fact in facts.probes.certificates:
        if not fact.is_name_right:
            yield from found(
                FAULT,
                facts,
                fact,
                wanted=fact.wanted,
                names=", ".join(fact.names) or "no name",
                told_by=_told_by(facts, fact),
            )


def _told_by(facts: Facts, fact: CertificateFact) -> str:
    """The setting that tells phones the name."""
    is_in_url = fact.service == HTTPS and "{{SERVER_IP}}" not in facts.config.url_format
    return "provisioning.url_format" if is_in_url else "server.external_ip"


BAD = unregistered_over_tls(replace(CERTIFICATE, names=("old.example.org",), is_name_right=False))
GOOD = replace(HEALTHY, probes=BAD.probes)
