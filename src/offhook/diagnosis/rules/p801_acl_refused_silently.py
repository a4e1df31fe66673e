"""A phone asked from a network that is not served.

What you see: the request is answered with 403.

Why: files hold passwords, so as installed only private networks get them. The phone's address is
not in `provisioning.allowed_networks`.

What to do: if this is a phone of yours, add its network. If it is not, leave it as it is:
somebody else is asking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, REFUSED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P801",
    name="acl-refused-silently",
    title="Network is not allowed",
    severity=Severity.WARNING,
    stage=Stage.CONNECTED,
    message="{address} is not in provisioning.allowed_networks",
    steps=(
        "If it is a phone of yours, add its network in `config.yml`:\nprovisioning:\n"
        "  allowed_networks: [private, {address}]",
        "Restart the server",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the addresses that were turned away in the last hour."""
    newest = {
        attempt.address: attempt
        for attempt, _ in reversed(unmended(facts, FAULT.code, within=timedelta(hours=1)))
    }
    for address, attempt in newest.items():
        macs = [attempt.mac.colons] if attempt.mac else []
        yield FAULT.finding(
            address, address=address, evidence=[attempt_line(attempt)], also_about=macs
        )


_TURNED_AWAY = replace(REFUSED, fault="P801", status=403, address="203.0.113.7")
BAD = replace(HEALTHY, attempts=(_TURNED_AWAY,))
GOOD = replace(HEALTHY, attempts=(replace(_TURNED_AWAY, at=HEALTHY.now - timedelta(hours=2)),))
