"""A phone refuses calls because it has no codec in common with the caller.

What you see: the phone is registered and rings from some phones; from others the call ends at once
with "not acceptable".

Why: the two phones share no codec, or one demands encryption (SRTP) that the other does not offer.
The answer is 488, 606 or 415 (RFC 3261 §21.4.26). Re-branded phones may honour only numbered codec
slots and ignore the list (codec-slot-model): their file then has no effect on the codecs.

What to do: give both phones one codec in common; PCMA and PCMU are known to all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from offhook.core.events import CallFailed
from offhook.core.model import Device
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import FAILED_CALL, HEALTHY, MAC, SEEN
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.history import DAY
from offhook.diagnosis.registering import device_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P415",
    name="no-common-codec",
    title="No codec in common",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="extension {callee} refuses calls of {caller}: {status} {reason}",
    steps=(
        "Set the preference codecs to a list with pcma and pcmu for both phones, then reboot them",
        "Compare encryption (SRTP): it must not be mandatory on one of them alone",
        "If the file has them already, the model may honour numbered codec slots only"
        " (codec-slot-model): set the codecs by the maker's own keys",
    ),
)
_SHOWN = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Find the pairs whose calls were refused for what was offered, and fetched no file since."""
    groups: dict[tuple[str, str], list[CallFailed]] = {}
    for call in facts.sip.failed_calls:
        if call.status and facts.now - call.at <= DAY:
            groups.setdefault((call.caller, call.callee), []).append(call)
    for (caller, callee), calls in groups.items():
        newest = calls[0]
        called = device_of(facts, callee)
        phones = (called, device_of(facts, caller))
        if any(_has_fetched(facts, device, newest.at) for device in phones):
            continue
        yield FAULT.finding(
            called.mac.colons if called is not None else callee,
            callee=callee,
            caller=caller,
            status=newest.status,
            reason=shown(newest.reason, 64),
            evidence=[_line(call) for call in calls[:_SHOWN]],
        )


def _has_fetched(facts: Facts, device: Device | None, at: datetime) -> bool:
    sighting = facts.sightings.get(device.mac) if device is not None else None
    fetched = sighting.last_provisioned if sighting is not None else None
    return fetched is not None and fetched > at


def _line(call: CallFailed) -> Evidence:
    agents = f"{shown(call.caller_agent) or 'no name'} to {shown(call.callee_agent) or 'no name'}"
    return Evidence(
        f"INVITE from {call.caller} to {call.callee} at {shown(call.contact)} ({agents}):"
        f" answer {call.status} {shown(call.reason, 64)}",
        call.at,
    )


_CALL = replace(
    FAILED_CALL,
    status=488,
    reason="Not Acceptable Here",
    callee_agent="Acme One 1.2.3",
)
BAD = replace(HEALTHY, sip=SipFacts(failed_calls=(_CALL,)))
GOOD = replace(BAD, sightings={MAC: replace(SEEN, last_provisioned=HEALTHY.now)})
