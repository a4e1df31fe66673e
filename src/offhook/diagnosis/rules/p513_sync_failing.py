"""The synchronisation has failed at least three times in a row.

What you see: new people have no extension, new names do not arrive on phones, and leavers can still
telephone.

Why: whatever made the last run fail does not go away by itself: an expired certificate, a changed
password, a server that was replaced.

What to do: mend the fault that stands beside this one, then run a synchronisation by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import failures_in_a_row, server_name
from offhook.diagnosis.evidence import run_line, run_problem
from offhook.diagnosis.examples import MINUTE, NOW, SYNCED, directory_facts
from offhook.diagnosis.facts import DirectoryRun, Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P513",
    name="sync-failing",
    title="Synchronisation fails again and again",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="the last {count} synchronisations failed: {problem}",
    steps=(
        "Look for P501 to P507: they name the cause and its mend",
        "See what is left of it: POST /api/integrations/ad/test",
    ),
)
_PATIENCE = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find three failures or more since the last run that did not fail."""
    failed = failures_in_a_row(facts)
    if len(failed) < _PATIENCE:
        return
    newest = failed[0]
    yield FAULT.finding(
        server_name(facts),
        evidence=[run_line(run) for run in failed[:_PATIENCE]],
        count=len(failed),
        problem=f"{newest.fault} {run_problem(newest) or 'see the log'}".strip(),
    )


_FAILED = tuple(
    DirectoryRun(
        at=NOW - minutes * MINUTE,
        status="failed",
        fault="P501",
        values={"server": "ldaps://dc1.example.test", "problem": "no answer within 5 s"},
    )
    for minutes in (5, 20, 35)
)
BAD = directory_facts(runs=(*_FAILED, SYNCED))
GOOD = directory_facts(runs=(SYNCED, *_FAILED))
