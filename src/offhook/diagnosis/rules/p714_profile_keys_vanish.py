"""A change would take most of the keys out of a file.

What you see: in a preview, a file loses half of its keys or more.

Why: a template lost a part, or includes another one no more. A phone keeps what it was told before
for keys that vanish, so the loss shows late and not the same on every phone.

What to do: look at the difference that the preview shows before you save.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, in_preview
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P714",
    name="profile-keys-vanish",
    title="Most keys vanish from a file",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="{value} keys of {file} would vanish",
    steps=(
        "Look at the difference of {file} in the preview; save only if these keys may go",
        "To set a key back on phones, keep it in the file with the value you want",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts, in_preview)


BAD = replace(bad_facts("P714", key="", value="40 of 44"), is_preview=True)
GOOD = bad_facts("P714")
