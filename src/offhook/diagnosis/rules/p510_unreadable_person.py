"""A person of the directory has values that no phone could show.

What you see: the person gets no extension, or their extension stays exactly as it is. Everybody
else is synchronised.

Why: an attribute is not valid UTF-8, which a broken import can leave behind, or none of the name
attributes has anything that can be shown.

What to do: type the value anew in the directory. The next run takes it up.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.core.directory import PersonProblem
from offhook.diagnosis.directory_runs import people_findings
from offhook.diagnosis.examples import HEALTHY, directory_facts
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P510",
    name="unreadable-person",
    title="Directory has a person that cannot be read",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="person {login} cannot be used: {problem}",
    steps=("Write the attribute that is named anew in the directory",),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the people with unreadable values."""
    yield from people_findings(facts, FAULT)


BAD = directory_facts(
    problems=(
        PersonProblem(
            guid="example",
            login="bob",
            fault="P510",
            message="its displayName is not UTF-8",
            values={"login": "bob", "problem": "its displayName is not UTF-8"},
        ),
    )
)
GOOD = HEALTHY
