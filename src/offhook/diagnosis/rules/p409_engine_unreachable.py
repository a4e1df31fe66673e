"""A Kamailio node, or the table it reads secrets from, cannot be reached.

What you see: `registered` is too small or 0, phones of that node are not restarted after a change;
with the table away, phones with a new or changed secret are refused.

Why: with `sip.engine: kamailio` phones register at Kamailio, and this server follows it over
JSON-RPC and its event channel, and writes the hashes of secrets to a database. Kamailio is not
running, an address in `sip.kamailio` is wrong, or a firewall is between. Phones still get their
files, and a Kamailio that runs goes on serving the phones it knows.

What to do: start Kamailio on the node named and read its log; compare its addresses with the
settings. Nothing else is needed: it is tried again all the time, and what was missed is read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P409",
    name="engine-unreachable",
    title="SIP engine cannot be reached",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="{part} cannot be reached: {problem}",
    steps=(
        "Check that Kamailio runs on that node: `systemctl status kamailio`, and read its log",
        "Compare its addresses with `sip.kamailio` in the configuration, and make its own anew:"
        " `offhook engine kamailio-config`",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find what the SIP engine needs and does not reach."""
    known = sum(map(len, facts.registrations.values()))
    for part, problem in facts.engine_problems.items():
        yield FAULT.finding(
            shown(part),
            part=shown(part),
            problem=shown(problem, 300),
            evidence=[f"{known} registrations are known now, some perhaps of before"],
        )


BAD = replace(HEALTHY, engine_problems={"Kamailio 1": "Connection refused"})
GOOD = HEALTHY
