"""A registered phone does not react to anything.

What you see: the phone counts as registered, but calls to it end after half a minute or at once,
and it does not obey. Two calls or orders in a row got no reaction at all, not even a ringing.

Why: the phone lost its power or network and could not sign off, its address changed, or a firewall
lets its requests through and not ours. Over TCP or TLS its connection is gone.

What to do: check that the phone is on; restart it. If it is on, look at what lies between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.diagnosis.evidence import registration_line
from offhook.diagnosis.examples import FAILED_CALL, HEALTHY, MAC, MINUTE, REBOOT, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import device_of, unreached
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P416",
    name="contact-unreachable",
    title="Registered, but does not react",
    severity=Severity.ERROR,
    stage=Stage.REACHABLE,
    message="extension {extension} is registered from {source}, but does not react",
    steps=(
        "Check that the phone is on and has network, then restart it",
        "If it is on: check that UDP and TCP from this server reach it (firewall, VLAN, Wi-Fi)",
        "If it is gone for good: its registration ends by itself at {expires}",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the live registrations that did not react twice; behind a router they are P407."""
    for found in unreached(facts):
        if found.is_translated:
            continue
        item = found.registration
        device = device_of(facts, item.extension, item.address, item.mac)
        yield FAULT.finding(
            device.mac.colons if device is not None else item.extension,
            extension=item.extension,
            source=item.source,
            expires=f"{item.expires_at:%H:%M:%S} UTC",
            evidence=[*found.evidence, registration_line(item)],
        )


_TWICE = (FAILED_CALL, replace(FAILED_CALL, at=FAILED_CALL.at - MINUTE))
BAD = replace(HEALTHY, sip=SipFacts(notes=(REGISTERED,), failed_calls=_TWICE))
_ANSWERED = replace(REBOOT, step=RebootStep.REGISTERED, asked_at=HEALTHY.now - MINUTE)
GOOD = replace(BAD, reboots={MAC: _ANSWERED})
