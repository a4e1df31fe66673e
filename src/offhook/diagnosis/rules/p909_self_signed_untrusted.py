"""Phones do not know who signed a certificate of this server.

What you see: phones do not register over TLS, or fetch nothing over HTTPS, until "only accept
trusted certificates" is off.

Why: the certificate is signed by itself, or by an authority of one's own, which no phone knows from
the factory.

What to do: load the authority's certificate into the phones, by a first file over HTTP or by hand,
or use a certificate of a public authority.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import CERTIFICATE, unregistered_over_tls
from offhook.diagnosis.probe_facts import Trust
from offhook.diagnosis.rule import Fault
from offhook.diagnosis.tls_phones import found

FAULT = Fault(
    code="P909",
    name="self-signed-untrusted",
    title="Phones do not know who signed a certificate of this server",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="the certificate of {service} is {trust} ({issuer}); phones trust it only when told",
    steps=(
        "Load the certificate of {issuer} into the phones as a trusted one",
        "Or write a certificate of a public authority, with its chain, to the file of `{setting}`",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a certificate of nobody known, and the unregistered phones that meet it."""
    for fact in facts.probes.certificates:
        if fact.trust in (Trust.SELF_SIGNED, Trust.PRIVATE):
            yield from found(FAULT, facts, fact, trust=fact.trust.value, issuer=fact.issuer)


BAD = unregistered_over_tls(replace(CERTIFICATE, trust=Trust.SELF_SIGNED))
GOOD = replace(HEALTHY, probes=BAD.probes)
