"""A device's file cannot be made because it says that it is in another encoding.

What you see: the phone is answered with an error and keeps its old settings. Elsewhere, such files
arrive with broken names.

Why: the first line of a template of this site names an encoding such as ISO-8859-1. Files leave
here as UTF-8, so the phone would read letters beyond ASCII wrongly, or refuse the file.

What to do: write `encoding="UTF-8"` there, and save the template as UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, MAC
from offhook.diagnosis.facts import Facts, RenderFault
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P705",
    name="xml-encoding",
    title="File names a wrong encoding",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="the file cannot be made: {problem}",
    steps=(
        'In the first line of the site\'s template, write encoding="UTF-8"',
        "Save the template as UTF-8",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose template declares another encoding than it is sent in."""
    for mac, failed in facts.render_faults.items():
        if failed.code == FAULT.code and mac in facts.devices:
            device = facts.devices[mac]
            where = f"device {mac.colons}, {shown(device.vendor)} {shown(device.model)}"
            yield FAULT.finding(
                mac.colons,
                problem=shown(failed.message, 1000),
                evidence=[Evidence(f"{where}: {shown(failed.message)}", facts.now)],
            )


_FAULT = RenderFault(code="P705", message="file one.xml of acme: encoding ISO-8859-1")
BAD = replace(HEALTHY, render_faults={MAC: _FAULT}, expected={})
GOOD = HEALTHY
