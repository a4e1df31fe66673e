"""A phone writes its User-Agent in a form that is not known.

What you see: the phone's model and firmware are no longer told, while its earlier requests told
both.

Why: newer firmware writes the User-Agent differently, or another part of the phone asks. What is
known of a phone by its User-Agent alone (who asks for a common file, which model it is) fails then.

What to do: nothing, as long as the phone asks by its MAC address. Report the new form, so that it
can be read; until then keep the MAC address in the phone's URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.vendor import VendorProfile, fold
from offhook.diagnosis.asking import asked_by
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, MINUTE, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import maker_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P212",
    name="agent-format-changed",
    title="User-Agent in a new form",
    severity=Severity.INFO,
    stage=Stage.IDENTIFIED,
    message="phone {mac} now writes its User-Agent in a form that tells no model",
    steps=(
        "Report both lines above as a new form of {vendor} phones",
        "Until it can be read, let the phone ask by its MAC address, by the folder URL: {base}",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose newest User-Agent names their maker unreadably, an earlier did not."""
    for mac, attempts in asked_by(facts, facts.devices).items():
        profile = facts.profiles.get(facts.devices[mac].vendor)
        newest = attempts[0]
        if profile is None or not _is_unreadable(newest.user_agent, profile, facts):
            continue
        before = next((it for it in attempts if profile.read_agent(it.user_agent)), None)
        if before is not None:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                vendor=profile.label,
                base=facts.config.base,
                evidence=[attempt_line(newest), attempt_line(before)],
            )


def _is_unreadable(agent: str, profile: VendorProfile, facts: Facts) -> bool:
    """Other parts of a phone name no maker: only one that names its own has a new form."""
    return fold(profile.label) in fold(agent) and not maker_of(agent, facts.profiles, profile.name)


_NEW = replace(SERVED, at=SERVED.at + MINUTE, user_agent="Phone=Acme;Type=One;Version=2.0")
BAD = replace(HEALTHY, attempts=(_NEW, SERVED))
GOOD = replace(HEALTHY, attempts=(replace(_NEW, user_agent="Acme One 2.0.0"), SERVED))
