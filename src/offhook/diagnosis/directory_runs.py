"""What the last synchronisations with the directory prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from string import Formatter

from offhook.core.directory import PersonProblem
from offhook.diagnosis.evidence import run_line, shown
from offhook.diagnosis.facts import DirectoryRun, Facts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rule import Fault

MAX_PEOPLE = 100
"""Findings of one fault: a wrong setting can make every person of a directory unusable."""


def last_run_finding(facts: Facts, fault: Fault) -> Iterator[Finding]:
    """Give the finding of a fault with which the last run failed."""
    run = facts.directory.runs[0] if facts.directory and facts.directory.runs else None
    if run is not None and run.fault == fault.code and run.status == "failed":
        values = fill_values(fault, run.values)
        subject = str(run.values.get("server") or server_name(facts))
        found = fault.finding(shown(subject), evidence=[run_line(run)], **values)
        yield replace(found, message=shown(run.error, 1000)) if run.error else found


def failures_in_a_row(facts: Facts) -> list[DirectoryRun]:
    """Give the runs that failed since the last one that did not, newest first."""
    runs = facts.directory.runs if facts.directory else ()
    return list(takewhile(lambda run: run.status == "failed", runs))


def people_with(facts: Facts, code: str) -> list[PersonProblem]:
    """Give the people of the last complete read who have a problem, as many as are shown."""
    problems = facts.directory.problems if facts.directory else ()
    return [problem for problem in problems if problem.fault == code][:MAX_PEOPLE]


def people_findings(facts: Facts, fault: Fault) -> Iterator[Finding]:
    """Give a finding for each person of the last complete read who has a fault."""
    for problem in people_with(facts, fault.code):
        evidence = [shown(problem.message)]
        values = person_values(fault, problem)
        yield fault.finding(shown(problem.login), evidence=evidence, **values)


def person_values(fault: Fault, problem: PersonProblem) -> dict[str, str]:
    """Give what the texts of a fault need of a person."""
    known = {"login": problem.login, "problem": problem.message}
    return fill_values(fault, {**known, **problem.values})


def server_name(facts: Facts) -> str:
    """Name the directory server of the last run."""
    return (facts.directory.server if facts.directory else "") or "directory"


def fill_values(fault: Fault, values: Mapping[str, object]) -> dict[str, str]:
    """Give what the texts of a fault need: kept values may be of another version, or from outside.

    A value that is not there is shown as a question mark.
    """
    texts = (fault.message, *fault.steps)
    names = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    return {name: shown(str(values.get(name, "?")), 500) for name in names}
