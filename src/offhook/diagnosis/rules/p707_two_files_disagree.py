"""Two files of one phone say different things for the same key.

What you see: a setting changes back at times, or never becomes what its file says.

Why: the file of all phones of a model and the phone's own file both have the key, with different
values. Which one wins depends on the order in which the phone fetched them.

What to do: let one file have the key: take it out of the site's common template, or remove the free
setting.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P707",
    name="two-files-disagree",
    title="Two files of a phone contradict each other",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="{file} and {other} disagree about {key}: {value}",
    steps=(
        "Keep {key} in one of the two files. {mend}",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts)


BAD = bad_facts("P707", value="1 and 2", other="common.cfg")
GOOD = HEALTHY
