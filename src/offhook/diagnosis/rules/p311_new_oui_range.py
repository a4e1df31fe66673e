"""A phone of a known maker has a MAC address from a block that is not known as the maker's.

What you see: an unknown phone tells maker and model in its User-Agent, but the first six digits of
its MAC address belong to no maker in the tables of this server.

Why: makers get new blocks of addresses, and some sell hardware of others. Nothing depends on the
table once the phone is registered: its vendor is in the record.

What to do: register the phone as what it says it is. Compare the MAC address with the label first:
a digit may be wrong in the phone's URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.diagnosis.evidence import unknown_line
from offhook.diagnosis.examples import HEALTHY, UNKNOWN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import maker_of, recent_unknown
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P311",
    name="new-oui-range",
    title="MAC address from a block that is new",
    severity=Severity.INFO,
    stage=Stage.IDENTIFIED,
    message="unknown phone {mac} says it is of {vendor}, its block {block} is not known as theirs",
    steps=(
        "Compare {mac} with the label on the phone",
        "If it is right, register it with vendor {name}; the block does not matter then",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the unknown phones whose maker only their User-Agent tells."""
    known = {oui for profile in facts.profiles.values() for oui in profile.ouis}
    for phone in recent_unknown(facts):
        if phone.mac.oui in known:
            continue
        profile = facts.profiles.get(maker_of(phone.user_agent, facts.profiles, phone.vendor))
        if profile is not None:
            yield FAULT.finding(
                phone.mac.colons,
                mac=phone.mac.colons,
                vendor=profile.label,
                name=profile.name,
                block=phone.mac.colons[:8],
                evidence=[unknown_line(phone)],
            )


_NEW = replace(UNKNOWN, mac=Mac(0x02BEEF000001))
BAD = replace(HEALTHY, unknown=(_NEW,))
GOOD = replace(HEALTHY, unknown=(replace(_NEW, last_seen=HEALTHY.now.replace(year=2025)),))
