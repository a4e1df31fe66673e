"""The time server that phones are told does not answer this machine.

What you see: phones show a wrong time after each restart; secure connections may fail because a
certificate seems not yet valid.

Why: `phones.ntp_server` names a server that has no address here, is not reached from this network,
or does not speak NTP.

What to do: name a time server in reach of the phones: often the router or the domain controller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY, NOW
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_facts import ClockFact, ProbeFacts
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P918",
    name="time-server-silent",
    title="The phones' time server does not answer this machine",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="time server {server} of phones.ntp_server tells this machine no time: {problem}",
    steps=(
        "Name a time server that phones reach, such as the router: phones.ntp_server in config.yml",
        "Check that UDP port 123 is open from the phones' network to {server}",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a time server that told no time in the last minutes."""
    fact = facts.probes.clock
    if fact is not None and fact.offset_s is None:
        yield FAULT.finding("clock", evidence=[fact.line], server=fact.server, problem=fact.problem)


_CLOCK = ClockFact(server="192.0.2.123", offset_s=None, problem="no answer in time", at=NOW)
BAD = replace(HEALTHY, probes=ProbeFacts(clock=_CLOCK))
GOOD = replace(HEALTHY, probes=ProbeFacts(clock=replace(_CLOCK, offset_s=0.5, problem="")))
