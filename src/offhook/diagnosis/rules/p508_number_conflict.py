"""A number of the directory cannot be given: somebody else has it, or several ask for it.

What you see: a person has no extension, or keeps the former number. Their extension stays exactly
as it is, and so do the others.

Why: two people have the same number in the directory; or it belongs to an extension that was made
by hand; or it was somebody else's and is still reserved. Who has a number keeps it; of several who
ask, nobody gets it.

What to do: decide in the directory whose it is. The evidence says what stands in the way.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.core.directory import PersonProblem
from offhook.diagnosis.directory_runs import fill_values, people_with
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, directory_facts
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P508",
    name="number-conflict",
    title="Several want one extension number",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="extension number {number} is disputed: {logins}",
    steps=(
        "Give each person their own number in the directory; the next run makes it true",
        "If {number} was made by hand, give it another number, or set `adopt: name_matches`",
        "If it is still reserved for somebody, release it:\n"
        "POST /api/integrations/ad/links/<guid>/release",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find each disputed number once, with everybody concerned."""
    disputes: dict[str, list[PersonProblem]] = {}
    for problem in people_with(facts, FAULT.code):
        disputes.setdefault(str(problem.values.get("number", "?")), []).append(problem)
    for number, problems in disputes.items():
        yield FAULT.finding(
            shown(number),
            evidence=[shown(problem.message) for problem in problems],
            **fill_values(FAULT, problems[0].values),
        )


_BOTH = {"number": "1002", "logins": "ada, bob"}
BAD = directory_facts(
    problems=tuple(
        PersonProblem(
            guid=login,
            login=login,
            fault="P508",
            message=f"number 1002 cannot be given to {login}: several people have it",
            values=_BOTH,
        )
        for login in ("ada", "bob")
    )
)
GOOD = HEALTHY
