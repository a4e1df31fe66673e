"""A phone's request met a failure of this server itself.

What you see: the phone is answered with 500 and keeps its old settings; `logs/pbx.log` has an
ERROR of the same moment.

Why: the database could not be read or written (disk full, file moved, rights changed), or the
program has a mistake.

What to do: read the ERROR in the log and mend what it names; the phone asks again by itself. If it
names no cause that you can mend, report it with its lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import attempt_line, shown
from offhook.diagnosis.examples import HEALTHY, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P703",
    name="answer-failed",
    title="A request could not be answered",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="the server failed on this request: {problem}",
    steps=(
        "Look for ERROR in logs/pbx.log at this moment, and at the room on the disk; then restart"
        " the phone",
    ),
)
_AFTER = "the server failed on this request: "


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones whose last requests of the hour failed here."""
    for attempt, _ in unmended(facts, FAULT.code, within=timedelta(hours=1)):
        yield FAULT.finding(
            attempt.mac.colons if attempt.mac else attempt.address,
            problem=shown(attempt.error.removeprefix(_AFTER)),
            evidence=[attempt_line(attempt)],
        )


_FAILED = replace(
    REFUSED,
    fault="P703",
    status=500,
    error=f"{_AFTER}the database is gone",
    path="001565123456.cfg",
)
BAD = replace(HEALTHY, attempts=(_FAILED,))
GOOD = replace(
    HEALTHY,
    attempts=(replace(SERVED, at=_FAILED.at + MINUTE, address=_FAILED.address), _FAILED),
)
