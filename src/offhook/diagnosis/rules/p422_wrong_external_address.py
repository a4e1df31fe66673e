"""A phone on the Internet is told an address that exists in our own network only.

What you see: the phone fetched its file and never registers. It asks from a public address, and its
file names a private one as the SIP server.

Why: `server.external_ip` is written into every file. A private address is right for phones in the
same network, and leads nowhere from elsewhere.

What to do: give phones elsewhere an address they reach: a VPN, or a public address or name as
`server.external_ip`, or as the server among this phone's own settings. The ports of SIP must be
forwarded to this server, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import sighting_line
from offhook.diagnosis.examples import HEALTHY, MAC, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.reach import is_private_network, is_public
from offhook.diagnosis.registering import has_current_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P422",
    name="wrong-external-address",
    title="Phone elsewhere is told a private address",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="device {mac} asks from {address}, but its file names the private server {server}",
    steps=(
        "Set `server.external_ip` to an address or name that this phone reaches",
        "Or give it a VPN, or a server of its own among its settings",
        "Forward the SIP port, UDP and TCP, to this server",
    ),
    is_of_device=True,
    explains=("P401",),
)
_PATIENCE = timedelta(minutes=3)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that asked from a public address, were told a private one, and are off."""
    for mac in facts.devices:
        sighting = facts.sightings.get(mac)
        account = facts.sip.accounts.get(mac)
        server = (account.server if account else "") or facts.config.external_ip
        if sighting is None or sighting.last_provisioned is None or not is_private_network(server):
            continue
        is_late = facts.now - sighting.last_provisioned > _PATIENCE
        is_unbound = not facts.device_registrations.get(mac)
        if is_late and is_unbound and is_public(sighting.address) and has_current_files(facts, mac):
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                address=sighting.address,
                server=server,
                evidence=[sighting_line(sighting)],
            )


BAD = replace(
    HEALTHY,
    config=replace(HEALTHY.config, external_ip="192.168.1.10"),
    sightings={MAC: replace(SEEN, address="198.41.0.4")},
    registrations={},
    device_registrations={},
)
GOOD = replace(BAD, registrations=HEALTHY.registrations)
GOOD = replace(GOOD, device_registrations=HEALTHY.device_registrations)
