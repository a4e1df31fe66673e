"""Phones are told to use SIP over TLS, but the server has no certificate for it.

What you see: phones fetch their files and then do not register. Their display or log speaks of a
failed connection or of TLS.

Why: the neutral setting `transport` is `tls`, for all phones in `config.yml` or for some of them,
and `sip.tls_certificate` is not set. Without a certificate the server does not listen for TLS.

What to do: set `sip.tls_certificate` to a PEM file with the certificate and its chain (and
`sip.tls_key` if the key is in a file of its own), and restart. Phones must trust the authority
that issued it. Or set `transport` to `udp` or `tcp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P107",
    name="tls-not-configured",
    title="Phones are told to use TLS, which is not set up",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="{who} told to use TLS, but sip.tls_certificate is not set",
    steps=(
        "Set `sip.tls_certificate` to a PEM file with the certificate and its chain:\n"
        "sip:\n  tls_certificate: sip.pem",
        "Restart the server; or set `transport` back to udp or tcp",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the wish for TLS, in the settings of all phones or in those of some."""
    if facts.config.tls_port:
        return
    if facts.config.transport == "tls":
        evidence = ["phones.transport = tls, and there is no sip.tls_certificate"]
        yield FAULT.finding("phones.transport", who="all phones are", evidence=evidence)
        return
    macs = sorted(mac for mac, item in facts.sip.accounts.items() if item.transport == "tls")
    if macs:
        who = f"phone {macs[0].colons} is" if len(macs) == 1 else f"{len(macs)} phones are"
        told = [f"the file of {mac.colons} says transport tls" for mac in macs[:5]]
        yield FAULT.finding("sip.tls_certificate", who=who, evidence=told)


BAD = replace(HEALTHY, config=replace(HEALTHY.config, transport="tls"))
GOOD = replace(HEALTHY, config=replace(HEALTHY.config, transport="tls", tls_port=5061))
