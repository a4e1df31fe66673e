"""A phone trusts only files that another system signed.

What you see: the phone asks again and again for trust lists or for the signed form of its file and
keeps its old settings; its screen may speak of a missing trust list.

Why: it was used with a call manager that left a trust list in it. Until that list is erased it
takes no file without that system's signature, which nobody else can make.

What to do: erase the trust list in the phone's security settings, or reset the phone to its factory
state; then let it fetch again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import Attempt
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.asking import asked_by
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, MAC, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P206",
    name="itl-lock",
    title="Phone accepts only files that another system signed",
    severity=Severity.ERROR,
    stage=Stage.DELIVERED,
    message="phone {mac} is bound to another system's trust list: it asks for {file}",
    steps=(
        "Erase the trust list in the phone's security settings; if there is no such entry, reset"
        " the phone to its factory state",
        "Restart the phone: it must ask for its file without the ending of a signed one",
    ),
    is_of_device=True,
)
_ROUNDS = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that asked for a signed file, or for nothing but trust lists."""
    signed = {attempt.mac: attempt for attempt, _ in unmended(facts, FAULT.code)}
    asked = asked_by(facts, facts.devices, with_optional=True)
    for mac, device in facts.devices.items():
        profile = facts.profiles.get(device.vendor)
        found = signed.get(mac) or (_only_lists(profile, asked.get(mac, [])) if profile else None)
        if found is not None:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                file=found.file,
                evidence=[attempt_line(found)],
                more_steps=profile.trust_menu if profile else (),
            )


def _only_lists(profile: VendorProfile, attempts: list[Attempt]) -> Attempt | None:
    """The newest request of a phone that asks for one list over and over, and for nothing else."""
    patterns = [rule.pattern for rule in profile.files if rule.is_trust_list]
    window = [it for it in attempts if attempts[0].at - it.at <= timedelta(hours=1)]
    names = Counter(it.file for it in window)
    is_only = all(any(it.fullmatch(name) for it in patterns) for name in names)
    is_repeated = any(count >= _ROUNDS for count in names.values())
    return attempts[0] if attempts and is_only and is_repeated else None


_SIGNED = replace(
    REFUSED,
    fault="P206",
    status=404,
    path=f"SEP{MAC}.cnf.xml.sgn",
    file=f"SEP{MAC}.cnf.xml.sgn",
    mac=MAC,
)
BAD = replace(HEALTHY, attempts=(_SIGNED, SERVED))
GOOD = replace(HEALTHY, attempts=(replace(SERVED, at=_SIGNED.at + timedelta(minutes=1)), _SIGNED))
