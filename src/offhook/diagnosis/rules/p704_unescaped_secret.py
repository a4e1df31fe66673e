"""A device's file cannot be made because a password breaks its syntax.

What you see: the phone is answered with an error and keeps its old settings; other phones of the
same model are fine.

Why: a template of this site writes a password without escaping it, and this password has a
character such as `&` or `<` that the file's syntax takes for its own.

What to do: let the template escape the password: without the filter `safe`, that is done by itself.
Or give the extension another secret.
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
    code="P704",
    name="unescaped-secret",
    title="Password breaks the file",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="a password breaks the syntax of the file: {problem}",
    steps=(
        "In the site's template, write the password without the filter `safe`: it is escaped then",
        "Or give the extension another secret: PATCH /api/extensions/NUMBER",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose files could be made if their passwords were plain letters."""
    for mac, failed in facts.render_faults.items():
        if failed.code == FAULT.code and mac in facts.devices:
            yield FAULT.finding(
                mac.colons,
                problem=shown(failed.message, 1000),
                evidence=[
                    Evidence(f"device {mac.colons}: made with a password of letters", facts.now)
                ],
            )


_FAULT = RenderFault(code="P704", message="file one.xml of acme: not well-formed XML")
BAD = replace(HEALTHY, render_faults={MAC: _FAULT}, expected={})
GOOD = HEALTHY
