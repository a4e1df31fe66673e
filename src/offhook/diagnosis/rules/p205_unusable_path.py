"""A request had a path that no file can have.

What you see: the phone is answered with 400 or 414 and gets nothing.

Why: the path is longer than any file's name, or has control characters in it. Phones do not ask
so; a URL typed wrongly, or a scanner, does.

What to do: if the address is a phone's, look at the URL that was typed into it. Otherwise find out
who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, MINUTE, REFUSED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P205",
    name="unusable-path",
    title="A path that no file can have",
    severity=Severity.INFO,
    stage=Stage.CONNECTED,
    message="a request could not be used: {problem}",
    steps=("If a phone has this address, correct the URL typed into it",),
)
_BEFORE = "a request could not be used: "


def check(facts: Facts) -> Iterator[Finding]:
    """Name each address once that asked so in the last hour."""
    newest = {
        attempt.address: attempt
        for attempt, _ in reversed(unmended(facts, FAULT.code, within=timedelta(hours=1)))
    }
    for address, attempt in newest.items():
        problem = attempt.error.removeprefix(_BEFORE)
        yield FAULT.finding(address, problem=problem, evidence=[attempt_line(attempt)])


_ODD = replace(
    REFUSED, fault="P205", status=400, path="", error=f"{_BEFORE}the path has a control character"
)
BAD = replace(HEALTHY, attempts=(_ODD,))
GOOD = replace(HEALTHY, attempts=(replace(_ODD, at=HEALTHY.now - 90 * MINUTE),))
