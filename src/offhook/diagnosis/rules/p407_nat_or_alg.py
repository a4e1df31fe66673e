"""A registered phone cannot be reached, and its addresses are rewritten on the way.

What you see: the phone registers and can call, but calls to it fail and it does not obey. Two
calls or orders in a row got no reaction at all.

Why: a router is between. Its mapping for the phone ends when nothing is said for a while, or it
reads SIP and rewrites it badly (ALG). What the phone wrote in Via and Contact is compared with
where the request came from. When both are private addresses, a plain NAT is between, and we answer
to where the REGISTER came from; then only a mapping that is too short explains the silence. When
only one of them is private, the phone asked a STUN server, or an ALG is at work.

What to do: switch the SIP ALG of the router off, let the phone send keep-alives, or use TCP or
TLS, which no ALG and no short UDP mapping hurts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RegisterNote
from offhook.diagnosis.examples import BINDING, FAILED_CALL, HEALTHY, MAC, MINUTE, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import note_line, subject_of, translation, unreached
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P407",
    name="nat-or-alg",
    title="Not reached behind a router that rewrites addresses",
    severity=Severity.ERROR,
    stage=Stage.REACHABLE,
    message="extension {extension} is registered from {source} behind a router and not reached",
    steps=(),
)
_NAT = (
    "Let the phone send keep-alives every 30 seconds or less, or register more often: the router"
    " forgets it in between (preference register_expires_s)"
)
_ALG = (
    "Switch off SIP ALG (SIP helper, application gateway) in the router; if the phone uses STUN,"
    " switch that off too: this server does not need it"
)
_TCP = "Or avoid both: set the preference transport to tcp for this phone"


def check(facts: Facts) -> Iterator[Finding]:
    """Find the registrations that were not reached and whose REGISTER shows a translation."""
    for found in unreached(facts):
        if found.note is None or not found.is_translated:
            continue
        is_plain = translation(found.note) == "nat"
        yield FAULT.finding(
            subject_of(facts, found.note),
            extension=found.registration.extension,
            source=found.registration.source,
            evidence=[*found.evidence, note_line(found.note, _addresses(found.note))],
            more_steps=[*((_NAT, _ALG) if is_plain else (_ALG, _NAT)), _TCP],
        )


def _addresses(note: RegisterNote) -> str:
    return (
        f"Via says {note.via_host}:{note.via_port or 5060},"
        f" Contact {note.contact_host}:{note.contact_port or 5060}"
    )


_SOURCE = "udp:198.51.100.7:40312"
_CONTACT = "sip:1001@192.168.1.20:5060"
_NATTED = replace(BINDING, source=_SOURCE, contact=_CONTACT)
_CALL = replace(FAILED_CALL, contact=_CONTACT, source=_SOURCE)
_CALLS = (_CALL, replace(_CALL, at=_CALL.at - MINUTE))
_NOTE = replace(REGISTERED, source=_SOURCE, via_host="192.168.1.20", contact_host="192.168.1.20")
GOOD = replace(
    HEALTHY,
    registrations={"1001": (_NATTED,)},
    device_registrations={MAC: (_NATTED,)},
    sip=SipFacts(notes=(_NOTE,)),
)
BAD = replace(GOOD, sip=SipFacts(notes=(_NOTE,), failed_calls=_CALLS))
