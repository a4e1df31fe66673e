"""The directory began to answer, but the answer was not complete or not usable.

What you see: the last synchronisation failed. Nothing was changed: half a list would look as if
the other half had left.

Why: the server limited the answer, sent a referral or the same
person twice; the base DN does not exist; or a file has a line that cannot be read.

What to do: run it once more. If it fails in the same way, the message names what to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P507",
    name="directory-incomplete",
    title="Directory gave no complete answer",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="the directory could not be read whole: {problem}",
    steps=(
        "Correct what the message names, then try again: `offhook sync --dry-run`",
        "If it stays, check the base DN, the filter and the rights of the service account",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run that got a part only."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P507",
    problem="sizeLimitExceeded after 1000 people",
)
GOOD = HEALTHY
