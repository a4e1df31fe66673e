"""Anybody on the Internet may ask for the files of phones.

What you see: `provisioning.allowed_networks` holds `any`, or a network of a whole part of the
Internet.

Why: a file holds the SIP password of its phone, and its name is a MAC address, of which a maker has
few enough to try them all. That was how other products gave thousands of accounts to strangers.
Throttling slows a guesser down, it does not stop one with many addresses.

What to do: name the networks that your phones are in. Phones elsewhere belong behind a VPN, or name
the address of their site.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P811",
    name="open-provisioning",
    title="Files of phones are open to the Internet",
    severity=Severity.WARNING,
    stage=Stage.SETUP,
    message="provisioning.allowed_networks lets anybody ask: {network}",
    steps=(
        "Name the networks of your phones in `config.yml`:\nprovisioning:\n"
        "  allowed_networks: [private, 203.0.113.0/29]",
        "Restart the server",
    ),
)
# The largest blocks that one organisation holds.
_LARGEST = {4: 8, 6: 16}


def check(facts: Facts) -> Iterator[Finding]:
    """Find the networks that hold a whole part of the Internet."""
    for name in facts.config.allowed_networks:
        if _is_open(name):
            network = shown(name, 64)
            yield FAULT.finding(
                "provisioning.allowed_networks",
                network=network,
                evidence=[f"setting provisioning.allowed_networks: {network}"],
            )


def _is_open(name: str) -> bool:
    if name in ("any", "private"):
        return name == "any"
    network = ipaddress.ip_network(name)
    return not network.is_private and network.prefixlen < _LARGEST[network.version]


BAD = replace(HEALTHY, config=replace(HEALTHY.config, allowed_networks=("private", "any")))
GOOD = replace(
    HEALTHY, config=replace(HEALTHY.config, allowed_networks=("private", "203.0.113.0/29"))
)
