"""The address written into phone files is one that phones cannot reach.

What you see: phones fetch nothing, or fetch a file and then do not register. In the file the SIP
server is empty, 127.0.0.1 or 0.0.0.0.

Why: `server.external_ip` is what phones are told to connect to. Left empty, set to this machine's
loopback address, to "any address" or mistyped, it leads every phone nowhere.

What to do: set it to the address under which phones see this machine, restart, and let the phones
fetch again. A name works too if the phones' DNS server knows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.reach import can_phones_reach
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P102",
    name="external-ip",
    title="server.external_ip is no address that phones can reach",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="server.external_ip is {external_ip!r}, which phones cannot reach",
    steps=(
        "Verify `server.external_ip` is set to actual IP (not 127.0.0.1):\n"
        "server:\n  external_ip: 192.168.1.14  # Your actual PBX IP",
        "Restart the server",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find an external address that is empty, this machine itself, or no address."""
    if not can_phones_reach(facts.config.external_ip):
        address = facts.config.external_ip
        yield FAULT.finding(
            "server.external_ip",
            external_ip=address,
            evidence=[f"server.external_ip = {address!r}"],
        )


BAD = replace(HEALTHY, config=replace(HEALTHY.config, external_ip="127.0.0.1"))
GOOD = replace(HEALTHY, config=replace(HEALTHY.config, external_ip="pbx.example.org"))
