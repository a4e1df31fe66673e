"""A DHCP option that wins over option 66 names another server.

What you see: option 66 is right, and the phone goes to the former system or nowhere.

Why: some makers' phones look at option 160 (or 150, 159, 43) before 66. A value left there from a
former system wins.

What to do: put this server into that option, or remove it.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.advice import safer_url
from offhook.diagnosis.dhcp_offers import concerned, sent_elsewhere
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import OURS, came, never_came, offer
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P914",
    name="dhcp-needs-160",
    title="A DHCP option that wins over option 66 names another server",
    severity=Severity.ERROR,
    stage=Stage.SEEN,
    message="DHCP option {option} sends the phone to {text}; with this maker it wins over 66",
    steps=(
        "On DHCP server {server}, set option {option} to {url}, or remove it",
        "Ask again: offhook doctor --dhcp; then restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find phones that never came and read another option than 66 first, which leads elsewhere."""
    dhcp = facts.probes.dhcp
    for subject, profile in concerned(facts) if dhcp and dhcp.offers else ():
        found = sent_elsewhere(facts, profile)
        if dhcp is not None and found is not None and found[0] != 66:
            option, text, offered = found
            base = facts.config.base
            yield FAULT.finding(
                subject,
                evidence=list(dhcp.lines()),
                option=option,
                text=text,
                server=offered.server,
                url=safer_url(profile, base) if profile else base,
            )


BAD = never_came(
    offer(option_66=OURS.option(66), option_160="http://192.0.2.99/old"), dhcp=("160", "66")
)
GOOD = came(*BAD.probes.dhcp.offers if BAD.probes.dhcp else ())
