"""DHCP names this server in a field that phones do not read.

What you see: phones get an address and never come here, although the DHCP server "has the PBX in
it".

Why: a DHCP message has an old BOOTP field for a server name beside its options. Some DHCP servers
put what was typed as "boot server" or "TFTP server name" there. Phones look at option 66.

What to do: set option 66 itself, as a string.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.dhcp_offers import concerned, deciding, hosts_in
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.probe_examples import OURS, came, never_came, offer
from offhook.diagnosis.probe_facts import DhcpFact, DhcpOffer
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P911",
    name="dhcp-option-wrong-field",
    title="DHCP names this server in the BOOTP field, not in option 66",
    severity=Severity.WARNING,
    stage=Stage.SEEN,
    message="DHCP server {server} names {sname} in the server-name field, and in no option that "
    "phones read",
    steps=(
        "Set option 66 (TFTP server name) as a string on DHCP server {server}: {base}",
        "Ask again: offhook doctor --dhcp; then restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find offers whose server-name field leads here while no option does."""
    dhcp = facts.probes.dhcp
    for offered in dhcp.offers if dhcp else ():
        if dhcp is None or not _is_named_in_field(dhcp, offered):
            continue
        for subject, profile in concerned(facts):
            if not deciding(offered, profile)[0]:
                yield FAULT.finding(
                    subject,
                    evidence=list(dhcp.lines()),
                    server=offered.server,
                    sname=offered.sname,
                    base=facts.config.base,
                )


def _is_named_in_field(dhcp: DhcpFact, offered: DhcpOffer) -> bool:
    """Other servers write their own name there, which means nothing."""
    hosts = hosts_in(offered.sname)
    return bool(hosts) and (hosts[0] in dhcp.here or "://" in offered.sname)


BAD = never_came(offer(sname="192.0.2.1"))
GOOD = came(OURS)
