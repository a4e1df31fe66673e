"""Two phones use one MAC address.

What you see: a phone's settings, name or calls change by turns; its requests or registrations come
from two addresses and tell two models or firmwares.

Why: somebody typed one phone's MAC address into another's URL, or a phone was cloned. Both are
served the same file and ring as the same extension.

What to do: compare the labels of both with the record, and correct the URL of the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

from offhook.core.mac import Mac
from offhook.core.model import Attempt, Registration
from offhook.diagnosis.asking import asked_by
from offhook.diagnosis.evidence import attempt_line, registration_line
from offhook.diagnosis.examples import ADDRESS, HEALTHY, MINUTE, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P208",
    name="duplicate-mac",
    title="Two phones use one MAC address",
    severity=Severity.ERROR,
    stage=Stage.IDENTIFIED,
    message="two phones use the MAC address {mac}, one at {first}, one at {second}",
    steps=(
        "Find the phones at {first} and {second} and compare their labels with {mac}",
        "Correct the URL of the wrong one, and register it with its own MAC address",
    ),
    is_of_device=True,
)
_WINDOW = timedelta(minutes=30)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices heard by turns, or at once, from two places as two kinds of phone."""
    asked = asked_by(facts, facts.devices, _WINDOW)
    for mac, device in facts.devices.items():
        turns = _turns(asked.get(mac, []))
        numbers = {line.extension for line in device.lines}
        both = _both(mac, [it for number in numbers for it in facts.registrations.get(number, ())])
        if turns:
            yield _finding(mac, turns[0].address, turns[1].address, map(attempt_line, turns))
        elif both:
            yield _finding(mac, both[0].address, both[1].address, map(registration_line, both))


def _finding(mac: Mac, first: str, second: str, evidence: Iterator[Evidence]) -> Finding:
    return FAULT.finding(
        mac.colons, mac=mac.colons, first=first, second=second, evidence=list(evidence)
    )


def _turns(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The newest three turns: one phone, the other, the one again. A phone that moved has two."""
    turns: list[Attempt] = []
    for attempt in attempts:
        is_other = not turns or (
            attempt.address != turns[-1].address and attempt.user_agent != turns[-1].user_agent
        )
        if attempt.user_agent and is_other:
            turns.append(attempt)
    has_come_back = len(turns) > 2 and turns[0].address == turns[2].address
    return turns[:3] if has_come_back else []


def _both(mac: Mac, bindings: Sequence[Registration]) -> tuple[Registration, ...]:
    """Two live bindings of the MAC, of which the older was refreshed beside the newer.

    A phone that moved leaves a binding behind, which nobody refreshes.
    """
    own = [item for item in bindings if item.mac == mac]
    for pair in combinations(own, 2):
        older, newer = sorted(pair, key=lambda item: item.registered_at)
        is_beside = older.refreshed_at > newer.registered_at
        if older.address != newer.address and is_beside:
            return (older, newer)
    return ()


_THEN = HEALTHY.now - 2 * MINUTE
_OTHER = replace(SERVED, at=_THEN, address="192.0.2.77", user_agent="Acme One 1.0.0")
_OWN = (replace(SERVED, at=_OTHER.at + MINUTE), replace(SERVED, at=_OTHER.at - MINUTE))
BAD = replace(HEALTHY, attempts=(_OWN[0], _OTHER, _OWN[1]))
GOOD = replace(HEALTHY, attempts=(replace(_OTHER, address=ADDRESS), _OWN[1]))
