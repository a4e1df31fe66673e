"""A phone renews its registration later than it was granted.

What you see: the phone drops out at regular intervals: calls to it fail for a while, then it is
registered again, although it was never restarted.

Why: the phone asked for a longer lifetime than this server grants, and keeps to what it asked for
instead of to what the answer said (RFC 3261 §10.2.4). In between its registration has expired.

What to do: set the lifetime on the phone to at most what is granted, or let this server grant more
(`sip.max_expires_s`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import HEALTHY, MINUTE, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import note_line, subject_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P410",
    name="expiry-ignored",
    title="Registration renewed too late",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="extension {extension} was granted {granted} s and registers again after {gap} s",
    steps=(
        "Set the registration expiry on the phone to {granted} s or less: the preference"
        " register_expires_s does so by its file",
        "Or grant what it asks for: set sip.max_expires_s to {asked} and restart the server",
    ),
)
# Once may be a broken network; and a phone that keeps to what it asked for is not later than that.
_TIMES = 2
_GRACE_S = 5.0
_SLACK_S = 60.0


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that, in one boot, twice came back after their registration had ended."""
    groups: dict[tuple[str, str, str], list[RegisterNote]] = {}
    for note in facts.sip.notes:
        if note.outcome is RegisterOutcome.REGISTERED:
            groups.setdefault((note.extension, note.host, note.call_id), []).append(note)
    for notes in groups.values():
        newest = notes[: _TIMES + 1]
        pairs = list(zip(newest[1:], newest, strict=False))
        if len(pairs) == _TIMES and all(_is_late(before, after) for before, after in pairs):
            before, after = pairs[0]
            yield FAULT.finding(
                subject_of(facts, after),
                extension=after.extension,
                granted=before.granted_s,
                asked=before.asked_s,
                gap=round((after.at - before.at).total_seconds()),
                evidence=[
                    note_line(note, f"asked {note.asked_s} s, granted {note.granted_s} s")
                    for note in newest
                ],
            )


def _is_late(before: RegisterNote, after: RegisterNote) -> bool:
    if before.asked_s is None or before.granted_s is None or before.asked_s <= before.granted_s:
        return False
    gap_s = (after.at - before.at).total_seconds()
    return before.granted_s + _GRACE_S < gap_s <= before.asked_s + _SLACK_S


_ASKED = replace(REGISTERED, asked_s=3600, granted_s=600)
_EVERY = (0, 59, 118)
BAD = replace(
    HEALTHY,
    sip=SipFacts(notes=tuple(replace(_ASKED, at=_ASKED.at - n * MINUTE) for n in _EVERY)),
)
GOOD = replace(
    HEALTHY,
    sip=SipFacts(
        notes=tuple(replace(_ASKED, at=_ASKED.at - n * MINUTE) for n in (0, 9, 69)),
    ),
)
