"""A phone that restarts signs off the other phones of its extension.

What you see: several phones share an extension. When one of them restarts, all others of it can no
longer be called, until each refreshes its registration by itself, up to an hour later.

Why: at its start the phone removes every registration of its extension (`Contact: *`) instead of
its own one. Some makers have a setting for that ("unregister on reboot").

What to do: switch that setting off on the phone that does it, or let it remove its own registration
only. The others come back at their next refresh; restart them to have them back now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import RegisterOutcome
from offhook.diagnosis.evidence import host_of, shown
from offhook.diagnosis.examples import BINDING, HEALTHY, MINUTE, OTHER_MAC, REGISTERED
from offhook.diagnosis.facts import ContactsWiped, Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import maker_of
from offhook.diagnosis.registering import note_line
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P420",
    name="unregister-on-reboot",
    title="One phone signs off the others of its extension",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="the phone at {source} signed off all phones of extension {extension}: {count} others",
    steps=(
        "On the phone at {address}, switch off that it unregisters all at a restart",
        "Restart the others to have them back now; they come by themselves at their next refresh",
    ),
)
# By then a phone that is on has refreshed, whatever lifetime it was granted.
_RECENT = timedelta(hours=2)
_SHOWN = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Find the extensions of which one phone removed the others, that did not come back."""
    for item in facts.sip.wiped:
        note = item.note
        if note.extension not in facts.extensions or facts.now - note.at > _RECENT:
            continue
        profile = facts.profiles.get(maker_of(note.user_agent, facts.profiles))
        lost = [
            f"lost: {shown(it.contact)} at {it.source}, {shown(it.user_agent)}"
            for it in item.victims[:_SHOWN]
        ]
        yield FAULT.finding(
            note.extension,
            also_about=sorted({it.mac.colons for it in item.victims if it.mac}),
            extension=note.extension,
            source=note.source,
            address=host_of(note.source),
            count=len(item.victims),
            evidence=[note_line(note, "all contacts at once"), *lost],
            more_steps=[profile.unregister_menu] if profile and profile.unregister_menu else [],
        )


_WIPE = replace(
    REGISTERED, outcome=RegisterOutcome.REMOVED, contact_host="", at=HEALTHY.now - MINUTE
)
_OTHER = replace(BINDING, source="udp:192.0.2.60:5060", mac=OTHER_MAC)
_WIPED = ContactsWiped(note=_WIPE, victims=(_OTHER,))
BAD = replace(HEALTHY, sip=SipFacts(notes=(REGISTERED,), wiped=(_WIPED,)))
_LONG_AGO = replace(_WIPED, note=replace(_WIPE, at=HEALTHY.now - 2 * _RECENT))
GOOD = replace(HEALTHY, sip=SipFacts(notes=(REGISTERED,), wiped=(_LONG_AGO,)))
