"""The URL in DHCP has a MAC variable that this maker's phones do not replace.

What you see: the phone never comes, or asks for a file that is named like the variable (P201).

Why: each maker has a variable of its own for the MAC. DHCP tells one URL to all.

What to do: put the form without a variable into option 66, usually the folder. Phones of different
makers at one site need that, or DHCP classes by maker.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.advice import safer_url
from offhook.diagnosis.dhcp_offers import concerned, deciding, foreign_variable, leads_here
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import OURS, came, never_came, offer
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P917",
    name="dhcp-foreign-variable",
    title="The URL in DHCP has another maker's MAC variable",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="DHCP option {option} holds {variable}, which phones of {label} do not replace",
    steps=(
        "On DHCP server {server}, set option {option} to {url}",
        "Ask again: offhook doctor --dhcp; then restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find phones that never came and are told a URL with a foreign variable."""
    dhcp = facts.probes.dhcp
    for subject, profile in concerned(facts) if dhcp else ():
        for offered in dhcp.offers if dhcp and profile else ():
            option, text = deciding(offered, profile)
            if dhcp is None or profile is None or not option or not leads_here(dhcp, text):
                continue
            variable = foreign_variable(text, profile, facts.profiles)
            if variable:
                yield FAULT.finding(
                    subject,
                    evidence=list(dhcp.lines()),
                    option=option,
                    variable=variable,
                    label=profile.label,
                    server=offered.server,
                    url=safer_url(profile, facts.config.base),
                )


BAD = never_came(offer(option_66="http://192.0.2.1:8080/provision/{mac}.cfg"))
GOOD = came(OURS)
