"""A phone registers again every few seconds.

What you see: the log and the traffic are full of one phone; other phones may be slow to register.

Why: the phone does not take our answer for good: it reads the granted lifetime wrongly, its own
expiry is set to almost nothing, or two functions of it (two servers, a failover check) take turns.
Two phones with the same contact do the same.

What to do: look at the registration settings of the phone, and at its firmware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import HEALTHY, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import note_line, subject_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P412",
    name="register-storm",
    title="Registers again and again",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="extension {extension} registered {count} times in {seconds} s from {source}",
    steps=(
        "Compare the registration expiry on the phone with {granted} s, which it was granted",
        "Clear a second or backup server from the account, and switch failover checks off",
        "Update the phone's firmware",
    ),
)
# The shortest lifetime is a minute by default: a healthy phone comes twice in it, and a few times
# more while it boots.
_COUNT = 10
_WITHIN = timedelta(seconds=60)
_RECENT = timedelta(minutes=10)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the contacts that registered or signed off ten times within a minute, lately."""
    groups: dict[tuple[str, str, str, int | None], list[RegisterNote]] = {}
    for note in facts.sip.notes:
        is_change = note.outcome in (RegisterOutcome.REGISTERED, RegisterOutcome.REMOVED)
        if is_change and facts.now - note.at < _RECENT:
            key = (note.extension, note.host, note.contact_host, note.contact_port)
            groups.setdefault(key, []).append(note)
    for notes in groups.values():
        recent = notes[:_COUNT]
        lasted = recent[0].at - recent[-1].at
        if len(recent) == _COUNT and lasted < _WITHIN:
            newest = recent[0]
            yield FAULT.finding(
                subject_of(facts, newest),
                extension=newest.extension,
                count=_COUNT,
                seconds=max(1, round(lasted.total_seconds())),
                source=newest.source,
                granted=newest.granted_s or 0,
                evidence=[note_line(recent[0]), note_line(recent[-1])],
            )


def _every(seconds: int) -> tuple[RegisterNote, ...]:
    return tuple(
        replace(REGISTERED, at=HEALTHY.now - timedelta(seconds=n * seconds)) for n in range(_COUNT)
    )


BAD = replace(HEALTHY, sip=SipFacts(notes=_every(3)))
GOOD = replace(HEALTHY, sip=SipFacts(notes=_every(30)))
