"""Two nodes on one database make different files for the same phone.

What you see: a phone has other settings after each boot, or `offhook doctor` calls it outdated
although it has just fetched; which, depends on the node that answered.

Why: all nodes share the inventory, but each has its own `config.yml` and its own folder of
templates. `server.external_ip`, `server.sip_port`, `provisioning.url_format` or `phones` differ, or
a template was saved on one node only. While nodes of two versions run during an upgrade, their
built-in templates may differ: then this ends with the upgrade.

What to do: copy `config.yml` (except `server.node_name`, `server.bind` and paths) and the folder of
templates from the node that is right to the others. Templates are taken up at once; for settings
restart the node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.nodes import Node
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, two_nodes
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P108",
    name="nodes-differ",
    title="Nodes make different files",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="node {other} makes other files than node {node}: {what} differ",
    steps=(
        "Copy what differs from the node that is right to the other: the settings in `config.yml`,"
        " or the folder `provisioning.templates`",
        "Restart the node after its settings were changed; templates are taken up at once",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Compare this node with every other that is alive."""
    own = next((node for node in facts.nodes if node.id == facts.node), None)
    for other in facts.nodes if own is not None else ():
        what = _differing(own, other) if own is not None and other.is_alive else []
        if own is not None and what:
            yield FAULT.finding(
                shown(other.name),
                other=shown(other.name),
                node=shown(own.name),
                what=" and ".join(what),
                evidence=[f"{node.name} runs version {node.version}" for node in (own, other)],
            )


def _differing(own: Node, other: Node) -> list[str]:
    found = []
    if own.settings_digest != other.settings_digest:
        found.append("settings")
    if own.templates_digest != other.templates_digest:
        found.append("templates")
    return found


GOOD = two_nodes(HEALTHY)
BAD = replace(GOOD, nodes=(GOOD.nodes[0], replace(GOOD.nodes[1], templates_digest="other")))
