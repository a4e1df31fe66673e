"""Another server answers where phones are told to find this one.

What you see: phones get errors or somebody else's pages, and the request history stays empty.

Why: at the address and port in the phones' files another program answers: a former PBX, a web
server, or a proxy that does not hand the requests on.

What to do: stop the other program, or give Offhook another port, restart it and let the phones
learn the new URL. Behind a proxy, let it hand on everything below /provision/.
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
    code="P902",
    name="foreign-server-on-port",
    title="Another server answers at the address phones are told",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="another server answers {what} at {place}, where phones are told to find this one",
    steps=(
        "Find the program on the machine with that address: ss -lntup | grep :{port}",
        "Stop it, or choose another port in config.yml (server.http_port, server.sip_port)",
        "Check that {host} is this machine: ip -brief address",
        "Run the probes again: offhook doctor --probe",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find ports where a probe of the last minutes met somebody else."""
    for fact in facts.probes.ports:
        if fact.state is PortState.FOREIGN and fact.is_conclusive:
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
    probes=ProbeFacts(
        ports=(replace(PORT, state=PortState.FOREIGN, detail="status 200, by another server"),)
    ),
)
GOOD = replace(HEALTHY, probes=ProbeFacts(ports=(PORT,)))
