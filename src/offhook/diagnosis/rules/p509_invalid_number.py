"""A person's number attribute holds something else than an extension number.

What you see: the person gets no extension, or their extension stays exactly as it is.

Why: the attribute holds a whole telephone number, a SIP address, words, digits of another script,
several lines, or a number outside `number.ranges`.

What to do: correct the attribute, or tell the settings how to read it. The next run takes it up.
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
    code="P509",
    name="invalid-number",
    title="Directory has a number that is no extension number",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="{login} has '{text}' in the directory where an extension number should be",
    steps=(
        "Write the extension number alone into that attribute, in plain digits",
        "Or let `number.extract` find it in longer texts, or change `number.attributes`",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the people whose number cannot be used."""
    yield from people_findings(facts, FAULT)


BAD = directory_facts(
    problems=(
        PersonProblem(
            guid="example",
            login="bob",
            fault="P509",
            message="ipPhone has 'sip:bob@example.test' where a number is needed",
            values={"login": "bob", "text": "sip:bob@example.test"},
        ),
    )
)
GOOD = HEALTHY
