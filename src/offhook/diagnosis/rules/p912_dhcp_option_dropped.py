"""DHCP tells phones no provisioning server.

What you see: phones get an address and never come here.

Why: no option that the maker's phones read is in the offer, although it was asked for. It is not
set for this network, or the DHCP server's front end drops it: some routers take the entry and send
nothing.

What to do: set option 66 for the phones' network, as a raw option line where the front end loses
it, and ask again. Phones with a URL of their own do not need it.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.dhcp_offers import concerned, deciding, hosts_in, option_order
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import OURS, came, never_came, offer
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P912",
    name="dhcp-option-dropped",
    title="DHCP tells phones no provisioning server",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="no DHCP server offers option {options}, although it was asked for",
    steps=(
        "Set option 66 as a string on DHCP server {server}: {base}",
        "If it is set there already, the server drops it: write it as a raw option line",
        "Ask again: offhook doctor --dhcp; then restart the phone, or type the URL into it",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find phones for which no offer holds anything; P911 and P913 say it more exactly."""
    dhcp = facts.probes.dhcp
    if dhcp is None or not dhcp.offers:
        return
    if any(hosts_in(offered.sname)[:1] and offered.sname in dhcp.here for offered in dhcp.offers):
        return
    for subject, profile in concerned(facts):
        order = option_order(profile)
        is_150_only = 66 not in order and any(it.option(66) for it in dhcp.offers)
        if not is_150_only and not any(deciding(it, profile)[0] for it in dhcp.offers):
            yield FAULT.finding(
                subject,
                evidence=list(dhcp.lines()),
                options=" or ".join(map(str, order)),
                server=dhcp.offers[0].server,
                base=facts.config.base,
            )


BAD = never_came(offer())
GOOD = came(OURS)
