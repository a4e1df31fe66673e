"""A setting is ignored, because the phone's firmware does not know its key.

What you see: the file has the setting, the phone does not do it, and says nothing.

Why: the maker gave the key another name in newer firmware, or this model never knew it. Phones skip
unknown keys one by one.

What to do: use the name that the step tells. Without one, the setting does not exist there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.lint import LintProblem
from offhook.diagnosis.examples import HEALTHY, MAC, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, has_generation
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P708",
    name="renamed-key-by-firmware",
    title="Key has another name on this firmware",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="the phone {mac} does not know the key {key}, so the setting has no effect",
    steps=(
        "Write {key} under its name on this firmware: {other}",
        "{mend}, once the other is in place",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts, has_generation)


_PROBLEM = LintProblem(code="P708", file="a.cfg", key="one.key", other="new.key", since=(9,))
_LATER = replace(HEALTHY, lint={MAC: (_PROBLEM,)})
BAD = bad_facts("P708", other="new.key")
GOOD = replace(_LATER, sightings={MAC: replace(SEEN, firmware="1.2.3")})
