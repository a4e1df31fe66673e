"""Two DHCP servers answer, and they name different provisioning servers.

What you see: phones sometimes come here and sometimes do not; some ask the user which to take.

Why: a phone takes the offer that comes first. A router, a second server or a test machine answers
in the same network, with another option 66 or with none.

What to do: leave one DHCP server, or let both tell the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.dhcp_offers import concerned, deciding, hosts_in
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import OURS, came, never_came, offer
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P915",
    name="two-servers-offered",
    title="Two DHCP servers name different provisioning servers",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="{count} DHCP servers answer ({servers}), and phones are told: {told}",
    steps=(
        "Find the second one by its address: {servers}; turn its DHCP off, or let it tell the same",
        "Ask again: offhook doctor --dhcp; then restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find phones that never came and are told different things by different servers."""
    dhcp = facts.probes.dhcp
    if dhcp is None or len(dhcp.offers) < 2:
        return
    for subject, profile in concerned(facts):
        texts = [deciding(offered, profile)[1] for offered in dhcp.offers]
        # Two spellings of this server are one server.
        told = {("here",) if set(hosts_in(text)) & dhcp.here else hosts_in(text) for text in texts}
        if len(told) > 1:
            yield FAULT.finding(
                subject,
                evidence=list(dhcp.lines()),
                count=len(dhcp.offers),
                servers=", ".join(offered.server for offered in dhcp.offers),
                told=" or ".join(dict.fromkeys(text or "nothing" for text in texts)),
            )


BAD = never_came(OURS, offer("192.0.2.253", option_66="http://192.0.2.99/"))
GOOD = came(OURS, offer("192.0.2.253", option_66="http://192.0.2.99/"))
