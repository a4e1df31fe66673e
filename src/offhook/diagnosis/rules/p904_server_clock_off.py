"""The clock of this machine is wrong.

What you see: certificates that are good seem expired or not yet valid; the times in logs and in
this history do not match those of the phones.

Why: the machine does not follow a time server, or was suspended, or its time zone was corrected by
moving the clock.

What to do: let the system follow a time server.
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
    code="P904",
    name="server-clock-off",
    title="The clock of this machine is wrong",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="this machine's clock is {seconds} s {way} the time of {server}",
    steps=("Let the system follow a time server: timedatectl set-ntp true; then: date -u",),
)
_TOLERATED_S = 60


def check(facts: Facts) -> Iterator[Finding]:
    """Find a clock that was more than a minute off in the last minutes."""
    fact = facts.probes.clock
    if fact is not None and fact.offset_s is not None and abs(fact.offset_s) > _TOLERATED_S:
        yield FAULT.finding(
            "clock",
            evidence=[fact.line],
            seconds=round(abs(fact.offset_s)),
            way="behind" if fact.offset_s > 0 else "ahead of",
            server=fact.server,
        )


_CLOCK = ClockFact(server="192.0.2.123", offset_s=-3600.0, problem="", at=NOW)
BAD = replace(HEALTHY, probes=ProbeFacts(clock=_CLOCK))
GOOD = replace(HEALTHY, probes=ProbeFacts(clock=replace(_CLOCK, offset_s=59.0)))
