"""A setting is ignored, because its key needs a prefix or a companion.

What you see: the file has the setting, the phone does not do it, and says nothing.

Why: the maker moved keys that belong to the device itself (network, provisioning, passwords) under
a prefix, or takes them only when a second key beside them says so.

What to do: add the form that the step tells.
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
    code="P709",
    name="static-key-needs-prefix",
    title="Key has no effect without its other form",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="the phone {mac} takes {key} only with {other}, which is missing",
    steps=(
        "Add {other}; a free setting of the same level is right for it",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts, has_generation)


_PROBLEM = LintProblem(code="P709", file="a.cfg", key="one.key", other="new.key", since=(9,))
_LATER = replace(HEALTHY, lint={MAC: (_PROBLEM,)})
BAD = bad_facts("P709", other="static.one.key")
GOOD = replace(_LATER, sightings={MAC: replace(SEEN, firmware="1.2.3")})
