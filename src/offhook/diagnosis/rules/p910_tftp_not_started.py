"""Phones are told to use TFTP, and nothing here speaks it.

What you see: phones say that the server is unavailable; the request history stays empty.

Why: `provisioning.url_format` begins with tftp://. Offhook answers phones over HTTP.

What to do: use http:// in the setting, in the phones and in DHCP option 66. Phones that take a bare
address for TFTP need the whole URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P910",
    name="tftp-not-started",
    title="Phones are told to use TFTP, and nothing here speaks it",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="provisioning.url_format is {url_format!r}, and no TFTP server runs here",
    steps=(
        "Use HTTP in `config.yml`:\nprovisioning:\n"
        "  url_format: http://{{{{SERVER_IP}}}}:{{{{PORT}}}}/provision/{{mac}}.cfg",
        "Restart the server; put the http:// URL into the phones or into DHCP option 66",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a URL format of TFTP."""
    if facts.config.url_format.lower().startswith("tftp:"):
        yield FAULT.finding(
            "provisioning.url_format",
            evidence=[f"provisioning.url_format: {facts.config.url_format[:200]}"],
            url_format=facts.config.url_format[:200],
        )


BAD = replace(HEALTHY, config=replace(HEALTHY.config, url_format="tftp://{{SERVER_IP}}/{mac}.cfg"))
GOOD = HEALTHY
