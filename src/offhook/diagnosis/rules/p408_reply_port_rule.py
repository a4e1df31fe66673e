"""A phone never hears our answers, because it wants them at another port.

What you see: the phone asks to register again and again, never answers the challenge, and shows
that the server does not respond.

Why: its Via has no `rport`, so the answer goes to the port named in Via (RFC 3261 §18.2.2) and not
to the one it came from (RFC 3581 §4). That is right for a phone without a router in between that
listens there, as desk phones with enterprise firmware do; behind NAT nobody listens there.

What to do: switch on rport (symmetric response) in the phone's NAT settings. A phone that has no
such setting needs TCP, or a VPN to this server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import HEALTHY, MINUTE, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import note_line, standing, subject_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P408",
    name="reply-port-rule",
    title="Answers go to a port where the phone does not listen",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="extension {extension} asks from {source} for answers at port {port}, hears none",
    steps=(
        "Switch on rport (symmetric response, received/rport) in the phone's NAT settings",
        "Or set the preference transport to tcp: there the answer comes back as it went",
        "Without either, put the phone on a network without NAT to this server, or on a VPN",
    ),
)
# A UDP request that is not answered is sent again after half a second, RFC 3261 §17.1.2.2.
_UNHEARD = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones of our extensions that were challenged there and never answered."""
    groups = standing(facts, RegisterOutcome.CHALLENGED)
    for (extension, host), notes in groups.items():
        unheard = [note for note in notes if _is_elsewhere(note)]
        if len(unheard) < _UNHEARD or extension not in facts.extensions:
            continue
        if not _has_answered(facts, extension, host):
            newest = unheard[0]
            yield FAULT.finding(
                subject_of(facts, newest),
                extension=extension,
                source=newest.source,
                port=newest.via_port or 5060,
                evidence=[
                    note_line(note, f"Via {note.via_host}:{note.via_port or 5060} without rport")
                    for note in unheard[:_UNHEARD]
                ],
            )


def _is_elsewhere(note: RegisterNote) -> bool:
    is_by_via = note.transport == "udp" and not note.has_rport
    return note.claimed is None and is_by_via and (note.via_port or 5060) != note.port


def _has_answered(facts: Facts, extension: str, host: str) -> bool:
    """A phone that sends credentials has heard our question."""
    return any(
        note.claimed is not None
        for note in facts.sip.notes
        if (note.extension, note.host) == (extension, host)
    )


_DEAF = replace(
    REGISTERED,
    claimed=None,
    source="udp:198.51.100.7:49152",
    has_rport=False,
    mac=None,
    status=401,
    outcome=RegisterOutcome.CHALLENGED,
    at=HEALTHY.now - MINUTE,
)
_NOTES = tuple(replace(_DEAF, at=_DEAF.at - n * MINUTE) for n in range(3))
BAD = replace(HEALTHY, sip=SipFacts(notes=(*_NOTES, REGISTERED)))
GOOD = replace(
    HEALTHY, sip=SipFacts(notes=(replace(_DEAF, claimed="1001", at=HEALTHY.now), *_NOTES))
)
