"""Somebody else wants to write a phone's file.

What you see: a PUT is answered with 403, and the phone's own copy is not kept either while it asks
from two addresses.

Why: what a phone uploads is given back to it, and on some phones it overrides our settings, the SIP
server included. So an upload is taken only from the address that the phone last asked from.

What to do: if the phone moved, restart it: it asks for its files first, and its uploads are taken
again. If the address is not the phone's, find out whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import attempt_line, shown
from offhook.diagnosis.examples import HEALTHY, REFUSED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P803",
    name="upload-from-elsewhere",
    title="An upload came from another address than the phone's",
    severity=Severity.WARNING,
    stage=Stage.AUTHENTICATED,
    message="{address} tried to write {file} of {mac}, which asks from another address",
    steps=("If the phone moved, restart it; otherwise find out who has this address",),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the addresses that tried in the last day, newest of each."""
    since = facts.now - timedelta(days=1)
    newest = {
        attempt.address: attempt
        for attempt in reversed(facts.attempts)
        if attempt.fault == FAULT.code and attempt.at >= since and not attempt.is_test
    }
    for address, attempt in newest.items():
        mac = attempt.mac.colons if attempt.mac else "a phone"
        values = {"address": address, "file": shown(attempt.file), "mac": mac}
        yield FAULT.finding(mac, evidence=[attempt_line(attempt)], **values)


_PUT = replace(REFUSED, fault="P803", status=403, method="PUT", file="001565123456-local.cfg")
BAD = replace(HEALTHY, attempts=(_PUT,))
GOOD = replace(HEALTHY, attempts=(replace(_PUT, at=HEALTHY.now - timedelta(days=2)),))
