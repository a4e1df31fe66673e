"""The phone looks at DHCP option 150, and only option 66 is offered.

What you see: the phone gets an address and stays idle; it never comes here.

Why: some phones take a list of addresses from option 150 and do not read option 66.

What to do: add option 150 with this server's address.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.dhcp_offers import concerned, deciding, option_order
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import OURS, came, never_came
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P913",
    name="dhcp-needs-150",
    title="The phone needs DHCP option 150",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="device {mac} looks at DHCP option 150, and only option 66 is offered",
    steps=(
        "Add option 150 on DHCP server {server}, a list of addresses: {address}",
        "Ask again: offhook doctor --dhcp; then restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find phones that never came, of makers that read 150 and not 66."""
    dhcp = facts.probes.dhcp
    with_66 = [it for it in dhcp.offers if it.option(66)] if dhcp else []
    if dhcp is None or not with_66:
        return
    for subject, profile in concerned(facts):
        order = option_order(profile)
        is_served = any(deciding(offered, profile)[0] for offered in dhcp.offers)
        if 150 in order and 66 not in order and not is_served:
            yield FAULT.finding(
                subject,
                evidence=list(dhcp.lines()),
                mac=subject,
                server=with_66[0].server,
                address=facts.config.external_ip,
            )


BAD = never_came(OURS, dhcp=("150",))
GOOD = came(OURS)
