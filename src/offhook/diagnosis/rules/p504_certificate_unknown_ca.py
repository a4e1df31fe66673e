"""The certificate of the directory server comes from an authority that this machine does not know.

What you see: the last synchronisation failed at the TLS handshake. Extensions and phones stay as
they are.

Why: a domain has its own certification authority, and `ca_file` is missing, belongs to another or
to a former one; or the certificate is self-signed; or another machine answers.

What to do: get the CA certificate of the domain and name it in the settings. Do not turn the check
off.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P504",
    name="certificate-unknown-ca",
    title="Certificate of the directory server is from an unknown CA",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="the certificate of directory {server} is from no authority known here: {problem}",
    steps=(
        "Export the domain's CA as PEM and name it in `integrations.active_directory.ca_file`",
        "Check that the server sends its intermediate certificates",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run that met a certificate of an unknown authority."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P504",
    server="ldaps://dc1.example.test",
    problem="unable to get local issuer certificate",
)
GOOD = HEALTHY
