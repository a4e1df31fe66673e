"""Known phones share an address that is being throttled for unknown ones.

What you see: a registered phone is answered with 429, while unknown MAC addresses are asked for
from the same address; the others there are served as ever.

Why: behind one address are several phones. One that nobody registered, or a scanner, asks so often
for unknown MAC addresses that the address is throttled, and a phone that was never served there
before is turned away with it.

What to do: register the unknown phones below, or find out who asks. The phone is served a minute
after that stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.mac import Mac
from offhook.core.model import Attempt
from offhook.diagnosis.asking import has_own_file_since
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import ADDRESS, HEALTHY, MAC, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P804",
    name="banned-by-own-fail2ban",
    title="A known phone is throttled with its address",
    severity=Severity.ERROR,
    stage=Stage.AUTHENTICATED,
    message="phone {mac} is turned away because {address} asks for too many unknown MAC addresses",
    steps=(
        "Register the unknown phones at {address}: GET /api/provisioning/unknown",
        "If they are none of yours, find out who asks from {address}",
        "If many phones share the address: raise `provisioning.unknown_per_minute`",
        "{mac} is served again a minute after that stops; restart it then",
    ),
)
_RECENT = timedelta(hours=1)
_UNKNOWN_SHOWN = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find the known phones that were throttled in the last hour and got no file since."""
    throttled: dict[Mac, Attempt] = {}
    for attempt in facts.attempts:
        is_recent = facts.now - attempt.at <= _RECENT and not attempt.is_test
        device = facts.devices.get(attempt.mac) if attempt.mac else None
        if attempt.fault == "P802" and is_recent and device is not None:
            throttled.setdefault(device.mac, attempt)
    for mac, refused in throttled.items():
        own = (attempt for attempt in facts.attempts if attempt.mac == mac)
        if has_own_file_since(own, refused):
            continue
        unknown = [
            attempt
            for attempt in facts.attempts
            if attempt.address == refused.address
            and attempt.fault in ("P301", "P802")
            and attempt.mac not in facts.devices
        ]
        lines = [attempt_line(attempt) for attempt in (refused, *unknown[:_UNKNOWN_SHOWN])]
        yield FAULT.finding(mac.colons, mac=mac.colons, address=refused.address, evidence=lines)


_INNOCENT = replace(REFUSED, fault="P802", status=429, mac=MAC, address=ADDRESS)
BAD = replace(HEALTHY, attempts=(_INNOCENT, SERVED))
GOOD = replace(HEALTHY, attempts=(replace(SERVED, at=_INNOCENT.at + MINUTE),))
