"""The certificate of the directory server does not have the name under which it was asked.

What you see: the last synchronisation failed at the TLS handshake. Extensions and phones stay as
they are.

Why: the settings name the server by an address, a short name or an alias that its certificate does
not have; or another machine answers there.

What to do: use a name of the certificate in the settings. If you do not know the machine that
answered, find out first.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P503",
    name="certificate-wrong-name",
    title="Certificate of the directory server has another name",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="the certificate of directory {server} is for another name: {problem}",
    steps=(
        "Write one of the certificate's names into `integrations.active_directory.servers`",
        "Or issue a certificate with the name that is used there (subjectAltName)",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run that met a certificate with another name."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P503",
    server="ldaps://dc1.example.test",
    problem="certificate is valid for dc1.corp.example.test",
)
GOOD = HEALTHY
