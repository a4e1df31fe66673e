"""A change would force a setting that people choose for themselves.

What you see: ring volume, brightness or pictures are set back whenever the phone fetches its file.

Why: a free setting or a template has a key that is a matter of taste, so that each fetch overwrites
what the person at the phone chose.

What to do: leave the key out, unless everybody shall have the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, in_preview
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P715",
    name="user-setting-wiped",
    title="Setting of taste is forced on people",
    severity=Severity.INFO,
    stage=Stage.RENDERED,
    message=(
        "{key} is a matter of taste; each fetch would overwrite what a person chose on "
        "the phone {mac}"
    ),
    steps=("{mend}, unless everybody shall have the same",),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts, in_preview)


BAD = replace(bad_facts("P715"), is_preview=True)
GOOD = bad_facts("P715")
