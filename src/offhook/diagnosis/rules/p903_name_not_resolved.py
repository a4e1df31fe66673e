"""A host name in the phones' files has no address.

What you see: phones say that they cannot resolve the server, fetch nothing or do not register.

Why: `server.external_ip` or `provisioning.url_format` holds a host name, and the DNS server that
this machine asks does not know it. Phones mostly ask the same one.

What to do: enter the name at the DNS server that DHCP tells the phones, or use the address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY, NOW
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_facts import NameFact, ProbeFacts
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P903",
    name="name-not-resolved",
    title="A host name in the phones' files has no address",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="{name} of {setting} has no address: {problem}",
    steps=(
        "Enter {name} at the DNS server that DHCP tells the phones (option 6)",
        "Or put the address of this machine into {setting} and restart the server",
        "Run the probes again: offhook doctor --probe",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find names that a probe of the last minutes could not look up."""
    for fact in facts.probes.names:
        if fact.problem:
            yield FAULT.finding(
                fact.name,
                evidence=[fact.line],
                name=fact.name,
                setting=fact.setting,
                problem=fact.problem,
            )


_NAME = NameFact(
    name="pbx.example.org",
    setting="server.external_ip",
    addresses=(),
    problem="there is no such name",
    at=NOW,
)
BAD = replace(HEALTHY, probes=ProbeFacts(names=(_NAME,)))
GOOD = replace(
    HEALTHY, probes=ProbeFacts(names=(replace(_NAME, addresses=("192.0.2.1",), problem=""),))
)
