"""A device's file cannot be made because its template fails.

What you see: the phone is answered with an error and keeps its old settings; or, when the template
was changed while the server ran, the log says that it is not taken, and phones get their files from
the one before.

Why: a template, most likely one of this site's own, uses a name that does not exist, has a mistake
in its syntax, or is missing for this model. A missing name is an error and never an empty value.

What to do: correct the template that the message names, or remove the site's own copy, so that the
built-in one is used again.
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
    code="P701",
    name="unset-variable",
    title="A template fails",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="the file cannot be made: {problem}",
    steps=(
        "Correct the template in the folder `provisioning.templates`, or remove it from there:"
        " the built-in one is used then",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose template fails, and site templates that were not taken."""
    if facts.template_problem:
        yield FAULT.finding(
            "site templates",
            problem=shown(facts.template_problem, 1000),
            evidence=["the former templates stay in use"],
        )
    for mac, failed in facts.render_faults.items():
        if failed.code == FAULT.code and mac in facts.devices:
            device = facts.devices[mac]
            yield FAULT.finding(
                mac.colons,
                problem=shown(failed.message, 1000),
                evidence=[f"device {mac.colons}, {shown(device.vendor)} {shown(device.model)}"],
            )


_FAULT = RenderFault(code="P701", message="template acme/one.j2 line 3: 'nme' is undefined")
BAD = replace(HEALTHY, render_faults={MAC: _FAULT}, expected={})
GOOD = HEALTHY
