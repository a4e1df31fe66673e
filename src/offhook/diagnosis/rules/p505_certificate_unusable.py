"""No TLS connection with the directory server comes about, for another reason than P502 to P504.

What you see: the last synchronisation failed at the TLS handshake. Extensions and phones stay as
they are.

Why: the certificate is not valid yet (often a wrong clock), the server offers nothing newer than
TLS 1.1, or something that does not speak TLS answers on this port.

What to do: compare the clocks, then look at the server's TLS settings.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P505",
    name="certificate-unusable",
    title="TLS with the directory server fails",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="TLS with directory {server} fails: {problem}",
    steps=(
        "Check this machine's clock: `date -u`",
        "Check that the server speaks TLS 1.2 or later on this port, and its certificate's dates",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run that failed in TLS otherwise."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P505",
    server="ldaps://dc1.example.test",
    problem="certificate is not yet valid",
)
GOOD = HEALTHY
