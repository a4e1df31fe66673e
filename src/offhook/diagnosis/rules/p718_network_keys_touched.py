"""A change would alter how phones reach the network.

What you see: in a preview, keys of the class network change.

Why: VLAN, address, DNS and LLDP decide whether a phone reaches this server at all. A mistake there
cannot be mended from here.

What to do: try it on one phone first: as a free setting of one device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, in_preview
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P718",
    name="network-keys-touched",
    title="Change touches the phone's network",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="{key} changes how the phone {mac} reaches the network",
    steps=(
        "Try it on one phone first: PATCH /api/provisioning/devices/{mac} with the setting {key}",
        "Save it for the others when that phone has come back",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts, in_preview)


BAD = replace(bad_facts("P718"), is_preview=True)
GOOD = bad_facts("P718")
