"""DHCP option 66 sends phones to another server.

What you see: phones get an address and never come here; new ones go to a former system.

Why: option 66 still names the former PBX, or an address that this server no longer has.

What to do: put this server's URL into option 66.
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
    code="P916",
    name="dhcp-names-another-server",
    title="DHCP option 66 sends phones to another server",
    severity=Severity.ERROR,
    stage=Stage.SEEN,
    message="DHCP server {server} sends phones to {text} by option 66",
    steps=(
        "On DHCP server {server}, set option 66 to {url}",
        "Ask again: offhook doctor --dhcp; then restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find phones that never came where every offer's option 66 leads elsewhere."""
    dhcp = facts.probes.dhcp
    for subject, profile in concerned(facts) if dhcp and dhcp.offers else ():
        found = sent_elsewhere(facts, profile)
        if dhcp is not None and found is not None and found[0] == 66:
            _, text, offered = found
            base = facts.config.base
            yield FAULT.finding(
                subject,
                evidence=list(dhcp.lines()),
                server=offered.server,
                text=text,
                url=safer_url(profile, base) if profile else base,
            )


BAD = never_came(offer(option_66="http://192.0.2.99/provisioning/"))
GOOD = came(OURS)
