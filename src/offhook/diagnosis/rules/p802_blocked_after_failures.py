"""An address asked for so many unknown MAC addresses that it is being throttled.

What you see: requests from one address are answered with 429; phones that are known from there
still get their files.

Why: a scanner is guessing MAC addresses, or a whole delivery of phones that nobody registered is
plugged in behind one address.

What to do: if they are phones of yours, register them; they are served at once. If not, block the
address.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import Attempt
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, REFUSED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P802",
    name="blocked-after-failures",
    title="Address is throttled",
    severity=Severity.WARNING,
    stage=Stage.CONNECTED,
    message="{address} is throttled: it asked for too many unknown MAC addresses ({count})",
    steps=(
        "If they are phones of yours, register them: POST /api/provisioning/devices",
        "If they are not, block {address}: somebody is guessing MAC addresses",
        "If many phones share the address: raise `provisioning.unknown_per_minute`",
    ),
    explains=("P301",),
)
_RECENT = timedelta(hours=1)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the addresses that were throttled in the last hour."""
    counts: Counter[str] = Counter()
    newest: dict[str, Attempt] = {}
    macs: dict[str, set[str]] = defaultdict(set)
    for attempt in facts.attempts:
        is_recent = facts.now - attempt.at <= _RECENT
        is_stranger = attempt.mac not in facts.devices  # P804 tells of the others
        if attempt.fault == FAULT.code and is_recent and not attempt.is_test and is_stranger:
            counts[attempt.address] += 1
            newest.setdefault(attempt.address, attempt)
            if attempt.mac is not None:
                macs[attempt.address].add(attempt.mac.colons)
    for address, attempt in newest.items():
        yield FAULT.finding(
            address,
            address=address,
            count=counts[address],
            evidence=[attempt_line(attempt)],
            also_about=sorted(macs[address]),
        )


_THROTTLED = replace(REFUSED, fault="P802", status=429)
BAD = replace(HEALTHY, attempts=(_THROTTLED,))
GOOD = replace(HEALTHY, attempts=(replace(_THROTTLED, at=HEALTHY.now - timedelta(hours=2)),))
