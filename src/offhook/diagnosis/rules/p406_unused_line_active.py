"""A phone tries to register an account that has no user.

What you see: the phone's first line works, but it keeps asking for an account without a name, or
shows a second account that never registers.

Why: an account or key that is not used is switched on: a spare one points to an empty account, or
somebody added one on the phone.

What to do: switch the unused account off on the phone, and let it fetch its file again: the file
switches off what it has no line for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE, REGISTERED, SEEN
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import device_of, note_line
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P406",
    name="unused-line-active",
    title="Account without a user is switched on",
    severity=Severity.WARNING,
    stage=Stage.APPLIED,
    message="device {mac} tries to register an account that has no user, from {source}",
    steps=(
        "Switch off the account that is not used, in the phone's account settings",
        "Or have it fetch its file: POST /api/phones/{extension}/reboot",
    ),
)
# A phone asks again at least once an hour, as it does not know how long it may wait.
_RECENT = timedelta(hours=2)
_SHOWN = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find the known phones that lately asked without a user, and fetched no file since."""
    groups: dict[str, list[RegisterNote]] = {}
    for note in facts.sip.notes:
        if not note.extension and facts.now - note.at < _RECENT:
            groups.setdefault(note.host, []).append(note)
    for host, notes in groups.items():
        device = device_of(facts, "", host, notes[0].mac)
        sighting = facts.sightings.get(device.mac) if device is not None else None
        if device is None or not device.lines:
            continue
        fetched = sighting.last_provisioned if sighting else None
        if fetched is None or fetched < notes[0].at:
            yield FAULT.finding(
                device.mac.colons,
                mac=device.mac.colons,
                extension=device.extension,
                source=notes[0].source,
                evidence=[note_line(note) for note in notes[:_SHOWN]],
            )


_EMPTY = replace(
    REGISTERED,
    extension="",
    claimed=None,
    realm="",
    mac=None,
    status=401,
    outcome=RegisterOutcome.CHALLENGED,
    at=HEALTHY.now - MINUTE,
)
BAD = replace(HEALTHY, sip=SipFacts(notes=(_EMPTY, REGISTERED)))
GOOD = replace(BAD, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now)})
