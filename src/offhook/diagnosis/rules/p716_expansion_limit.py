"""A file sets a line or key that the phone does not have.

What you see: keys beyond a number do not appear on the phone.

Why: a free setting or template numbers more lines or keys than the model has. The phone ignores
those beyond.

What to do: remove what is beyond, or add an expansion module and use its own keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P716",
    name="expansion-limit",
    title="More lines or keys than the phone has",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="{key} is beyond what the phone {mac} has: {other}",
    steps=(
        "{mend}: the model has {other}",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts)


BAD = bad_facts("P716", other="2")
GOOD = HEALTHY
