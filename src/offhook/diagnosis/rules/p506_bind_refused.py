"""The directory does not accept the account with which the server signs in.

What you see: the last synchronisation failed at sign-in. Extensions and phones stay as they are.

Why: the password was changed or has run out, the account was disabled, has expired or is locked, or
the directory wants TLS before any sign-in. The message says which.

What to do: mend the account in the directory, or the name and password in the settings. An ordinary
domain user is enough; its password should not expire.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P506",
    name="bind-refused",
    title="Directory refuses the service account",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="directory {server} refuses the service account: {reason}",
    steps=(
        "Check `integrations.active_directory.bind_dn` and its password file",
        "Check the account in the directory: enabled, not locked, nothing of it expired",
        "Try again: POST /api/integrations/ad/test",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run whose sign-in was refused."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P506",
    server="ldaps://dc1.example.test",
    reason="wrong password",
)
GOOD = HEALTHY
