"""The directory server does not answer.

What you see: new names do not arrive; the last synchronisation failed. Extensions and phones stay
as they are, and go on working.

Why: the server is off or restarting, its name does not resolve, a firewall is between, or it
accepts connections and then says nothing until the deadline. With a file as the source, the file is
not there or cannot be read.

What to do: look at the address and at the network between. The next run repairs everything by
itself; nothing is lost meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.directory_runs import last_run_finding
from offhook.diagnosis.examples import HEALTHY, failed_run
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P501",
    name="directory-unreachable",
    title="Directory server cannot be reached",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="directory {server} cannot be reached: {problem}",
    steps=(
        "Check `integrations.active_directory.servers` and that the server is on;"
        " with a file as the source, `integrations.file.path`",
        "Check that this machine reaches it: name, firewall, port 636 (or 389 with StartTLS)",
        "Try again: POST /api/integrations/ad/test",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find a last run that reached no server."""
    yield from last_run_finding(facts, FAULT)


BAD = failed_run(
    "P501",
    server="ldaps://dc1.example.test",
    problem="no answer within 5 s",
)
GOOD = HEALTHY
