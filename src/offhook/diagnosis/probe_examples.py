"""What probes of a healthy site find: rules make their examples by changing one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from offhook.core.tls_ports import SIP_TLS
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.examples import ACME, HEALTHY, MAC, MINUTE, NOW, SEEN
from offhook.diagnosis.facts import Facts, ServedAccount
from offhook.diagnosis.probe_facts import (
    CertificateFact,
    DhcpFact,
    DhcpOffer,
    PortFact,
    PortState,
    ProbeFacts,
    Trust,
)

PORT = PortFact(
    what="HTTP",
    host="192.0.2.1",
    port=8080,
    state=PortState.OURS,
    detail="status 404, by this server",
    at=NOW,
)
CERTIFICATE = CertificateFact(
    service=SIP_TLS,
    place="pbx.example.org:5061",
    subject="pbx.example.org",
    issuer="Example Authority",
    names=("pbx.example.org",),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=60),
    wanted="pbx.example.org",
    is_name_right=True,
    trust=Trust.TRUSTED,
    disk_problem="",
    at=NOW,
)


def offer(server: str = "192.0.2.254", **fields: str) -> DhcpOffer:
    """Make an offer: `option_66="http://…"`, `sname="…"`."""
    options = {int(name[7:]): text for name, text in fields.items() if name.startswith("option_")}
    return DhcpOffer(
        server=server,
        interface="eth0",
        options=tuple(sorted(options.items())),
        sname=fields.get("sname", ""),
    )


OURS = offer(option_66="http://192.0.2.1:8080/provision/$mac.cfg")
"""What a site's DHCP server should offer."""


def unregistered_over_tls(certificate: CertificateFact) -> Facts:
    """Give a phone that is told to use TLS, just fetched that, and meets a certificate."""
    return replace(
        HEALTHY,
        config=replace(HEALTHY.config, tls_port=5061),
        sightings={MAC: replace(SEEN, last_provisioned=NOW - 2 * MINUTE)},
        registrations={},
        device_registrations={},
        sip=replace(HEALTHY.sip, accounts={MAC: ServedAccount(transport="tls")}),
        probes=ProbeFacts(certificates=(certificate,)),
    )


def never_came(*offers: DhcpOffer, dhcp: tuple[str, ...] = ACME.dhcp) -> Facts:
    """Give a phone that never asked, of a maker with these DHCP options, and what is offered."""
    maker: VendorProfile = replace(ACME, dhcp=dhcp)
    return replace(
        HEALTHY,
        sightings={},
        attempts=(),
        profiles={**HEALTHY.profiles, "acme": maker},
        probes=offered(*offers),
    )


def came(*offers: DhcpOffer) -> Facts:
    """Give the healthy phone where this is offered: it came all the same."""
    return replace(HEALTHY, probes=offered(*offers))


def offered(*offers: DhcpOffer) -> ProbeFacts:
    """Give what a DHCP probe saw."""
    here = frozenset({"192.0.2.1"})
    return ProbeFacts(dhcp=DhcpFact(interface="eth0", offers=offers, here=here, at=NOW))
