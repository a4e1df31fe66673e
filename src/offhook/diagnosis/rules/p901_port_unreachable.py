"""A port of ours cannot be reached at the address that phones are told.

What you see: phones fetch nothing, or fetch and do not register. A probe from this machine to the
address in the phones' files gets no answer.

Why: `server.external_ip` or the host in `provisioning.url_format` is not this machine's address, or
Offhook listens on another address (`server.bind`), or a firewall drops what comes in.

What to do: compare the address with the machine's own, then the firewall, then run the probes
again. With the address of a router in front, let it forward the port.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import PORT
from offhook.diagnosis.probe_facts import PortState, ProbeFacts
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P901",
    name="port-unreachable",
    title="A port of ours is not reachable at the address phones are told",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="{what} does not answer at {place}, where phones are told to go",
    steps=(
        "Compare {host} with the addresses of this machine: ip -brief address",
        "Check `server.bind`: 0.0.0.0 listens on all of them; then restart the server",
        "Check the firewall of this machine: port {port} must be open to the phones' network",
        "Run the probes again: offhook doctor --probe",
    ),
)
_DEAD = (PortState.REFUSED, PortState.SILENT, PortState.UNREACHABLE)


def check(facts: Facts) -> Iterator[Finding]:
    """Find ports where a probe of the last minutes met nobody.

    A name without address is P903; where somebody else has the address, that is P902.
    """
    told = {fact.name for fact in facts.probes.names if fact.problem}
    told |= {fact.host for fact in facts.probes.ports if fact.state is PortState.FOREIGN}
    for fact in facts.probes.ports:
        if fact.state in _DEAD and fact.is_conclusive and fact.host not in told:
            yield FAULT.finding(
                fact.subject,
                evidence=[fact.line],
                what=fact.what,
                place=fact.place,
                host=fact.host,
                port=fact.port,
            )


BAD = replace(
    HEALTHY,
    probes=ProbeFacts(ports=(replace(PORT, state=PortState.REFUSED, detail="connection refused"),)),
)
GOOD = replace(HEALTHY, probes=ProbeFacts(ports=(PORT,)))
