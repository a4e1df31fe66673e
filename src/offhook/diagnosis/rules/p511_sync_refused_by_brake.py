"""A synchronisation wanted to change more at once than is allowed, and changed nothing.

What you see: names and numbers of the directory do not arrive. Extensions and phones stay as they
are, until somebody decides.

Why: many people left the answer, or many changed, at once. Often that is a mistake: a wrong filter
or base DN, a group that was emptied, lost rights of the service account. A first run with many
people is refused once for the same reason.

What to do: look at the plan. If it is meant, confirm it; if not, mend the directory or the
settings. An answer without any person is never applied.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import fill_values, server_name
from offhook.diagnosis.evidence import run_line, shown
from offhook.diagnosis.examples import MINUTE, NOW, SYNCED, directory_facts
from offhook.diagnosis.facts import DirectoryRun, Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P511",
    name="sync-refused-by-brake",
    title="Synchronisation was refused because it changes too much",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="the last synchronisation was refused: {brake} allows {limit}, the plan has {count}",
    steps=("See whom it would touch, and the plan's id: `offhook sync --dry-run`",),
)
_CONFIRM = "If that is right, confirm it: `offhook sync --confirm PLAN`"
_NOBODY = "Check the base DN, the filter, the groups and the rights of the service account"


def check(facts: Facts) -> Iterator[Finding]:
    """Find that the last run which was to change something was refused."""
    runs = facts.directory.runs if facts.directory else ()
    run = next((run for run in runs if run.status != "dry_run"), None)
    if run is None or run.status != "refused":
        return
    logins = str(run.values.get("logins", ""))
    yield FAULT.finding(
        server_name(facts),
        evidence=[run_line(run), *([f"first of them: {shown(logins, 500)}"] if logins else [])],
        more_steps=[_NOBODY if run.values.get("brake") == "zero_people" else _CONFIRM],
        **fill_values(FAULT, run.values),
    )


_REFUSED = DirectoryRun(
    at=NOW - 2 * MINUTE,
    status="refused",
    fault="P511",
    values={"brake": "max_disable", "count": 400, "limit": 100, "logins": "ada, bob"},
)
_LOOKED = DirectoryRun(at=NOW - MINUTE, status="dry_run")
BAD = directory_facts(runs=(_LOOKED, _REFUSED, SYNCED))
GOOD = directory_facts(runs=(SYNCED, _REFUSED))
