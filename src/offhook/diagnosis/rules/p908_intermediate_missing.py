"""A TLS port of this server shows its certificate without the one that vouches for it.

What you see: some clients connect (they know the intermediate already), phones do not; their log
says unknown CA or unable to get local issuer.

Why: a public authority signs by an intermediate certificate. The server must send that too, and
the file holds only the server's own.

What to do: use the full chain, often called fullchain.pem.
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
    code="P908",
    name="intermediate-missing",
    title="A certificate chain of this server is incomplete",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="{service} at {place} sends no certificate of {issuer}, who signed its own",
    steps=(
        "Write the full chain to the file of `{setting}`: the server's certificate first, then "
        "the intermediate (fullchain.pem of most programs)",
        "Run the probes again: offhook doctor --probe",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a chain that ends before a known authority, and the phones that meet it."""
    for fact in facts.probes.certificates:
        if fact.trust is Trust.INCOMPLETE:
            yield from found(FAULT, facts, fact, place=fact.place, issuer=fact.issuer)


BAD = unregistered_over_tls(replace(CERTIFICATE, trust=Trust.INCOMPLETE))
GOOD = replace(HEALTHY, probes=BAD.probes)
