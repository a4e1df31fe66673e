"""A node of this site does not say any more that it lives.

What you see: part of the phones, those whose address of the server leads to that node, get no files
and answer slowly or not at all; the rest is served.

Why: several nodes work on one database, and each writes there every second. This one has stopped
without being told to (one that is stopped in order takes itself off the list): its machine, its
process or its way to the database is gone. The others have taken over orders to phones and
synchronisations; only phones that ask nobody else wait for it.

What to do: look at that machine (`systemctl status offhook`) and its log, and start it again.
Until then take its address out of the load balancer or the DNS name that phones use. One that is
gone for good leaves this list by itself after a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, two_nodes
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P807",
    name="node-silent",
    title="A node does not answer",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="node {node} was not heard for {seconds} seconds",
    steps=(
        "On that machine: `systemctl status offhook`, read its log and start it",
        "Until it is back, take its address out of the load balancer or DNS name of the phones",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the nodes that have fallen silent."""
    for node in facts.nodes:
        if node.id != facts.node and not node.is_alive:
            yield FAULT.finding(
                shown(node.name),
                node=shown(node.name),
                seconds=int(node.silent_s),
                evidence=[Evidence(f"{node.name} said last that it lives", node.seen_at)],
            )


GOOD = two_nodes(HEALTHY)
BAD = replace(GOOD, nodes=(GOOD.nodes[0], replace(GOOD.nodes[1], silent_s=60.0)))
