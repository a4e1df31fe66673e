"""A value cannot be written in the format of a phone's file.

What you see: the phone is answered with an error and keeps its old settings.

Why: a name, label, password or free setting holds something that the maker's format has no way to
write, such as a line break or a control character. A file that would say something else than was
meant is not delivered.

What to do: correct the value that the message names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, MAC
from offhook.diagnosis.facts import Facts, RenderFault
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P702",
    name="value-not-writable",
    title="A value cannot be written in the phone's format",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="the file cannot carry a value: {problem}",
    steps=(
        "Correct the value: the extension's name or label, or a free setting of the device,"
        " its model, its vendor or the site",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices with a value that their format cannot carry."""
    for mac, failed in facts.render_faults.items():
        if failed.code == FAULT.code and mac in facts.devices:
            numbers = ", ".join(line.extension for line in facts.devices[mac].lines)
            yield FAULT.finding(
                mac.colons,
                problem=shown(failed.message, 1000),
                evidence=[f"device {mac.colons}, extension {shown(numbers)}"],
            )


_FAULT = RenderFault(code="P702", message="template acme/one.j2: line break in 'label'")
BAD = replace(HEALTHY, render_faults={MAC: _FAULT}, expected={})
GOOD = HEALTHY
