"""A phone answers every challenge with an old nonce and never gets in.

What you see: the phone does not register. Each of its requests has credentials, and each is asked
again with `stale=true`, which means that only the nonce was old.

Why: the phone does not take the new nonce of our answer; or the answer does not reach it in time,
or the question and its answer come from two addresses (a router that changes them, two uplinks): a
nonce is good for the address it was given to. The password is not what is wrong here.

What to do: compare the addresses in the evidence, restart the phone, update its firmware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import HEALTHY, MINUTE, REFUSED_REGISTER, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import note_line, standing, subject_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P417",
    name="stale-nonce-loop",
    title="Answers with old nonces again and again",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="extension {extension} answered {count} challenges with an old nonce, from {source}",
    steps=(
        "Restart the phone, so that it asks for a nonce afresh; update its firmware",
        "If its nonces are merely slow to come back, raise sip.nonce_lifetime_s",
    ),
)
_ONE_ADDRESS = "Its address stayed the same: the phone does not take the nonce that it was sent"
_MANY = "Its address changes between question and answer ({}): look at the router, or use TCP"
# A phone that refreshes with the nonce of last time is asked once, and gets in with the next.
_LOOP = 5
_RECENT = timedelta(hours=1)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones of our extensions that met stale=true five times and did not get in."""
    groups: dict[tuple[str, str], list[RegisterNote]] = {}
    for (extension, _), notes in standing(facts, RegisterOutcome.STALE).items():
        for note in notes:
            if extension in facts.extensions and facts.now - note.at < _RECENT:
                groups.setdefault((extension, note.call_id), []).append(note)
    for (extension, _), loop in groups.items():
        if len(loop) < _LOOP:
            continue
        loop.sort(key=lambda note: note.at, reverse=True)
        hosts = list(dict.fromkeys(note.host for note in loop))
        yield FAULT.finding(
            subject_of(facts, loop[0]),
            extension=extension,
            count=len(loop),
            source=loop[0].source,
            evidence=[note_line(note) for note in loop[:_LOOP]],
            more_steps=[_MANY.format(", ".join(hosts[:_LOOP])) if len(hosts) > 1 else _ONE_ADDRESS],
        )


_STALE = replace(
    REGISTERED,
    source=REFUSED_REGISTER.source,
    mac=None,
    status=401,
    outcome=RegisterOutcome.STALE,
    at=HEALTHY.now - MINUTE,
)
_NOTES = tuple(replace(_STALE, at=_STALE.at - n * MINUTE) for n in range(_LOOP))
_GOT_IN = replace(REGISTERED, source=_STALE.source, at=HEALTHY.now)
BAD = replace(HEALTHY, sip=SipFacts(notes=(*_NOTES, REGISTERED)))
GOOD = replace(HEALTHY, sip=SipFacts(notes=(_GOT_IN, *_NOTES)))
