"""A phone was told to use DNS servers of its own, and none were given.

What you see: the first fetch works; afterwards no name is resolved, so nothing is reached.

Why: a setting or template switches static DNS on without naming a server, so that what DHCP says no
longer counts.

What to do: take the setting back, or name a DNS server beside it. A phone that is lost needs it set
on its own menu.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, is_silent_since
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P712",
    name="static-dns-overrides-dhcp",
    title="File replaces DNS of DHCP by nothing",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="the file of {mac} switches static DNS on ({key}) and names no server",
    steps=(
        "{mend}",
        "A phone that is lost: restore its network settings on its own menu, or reset "
        "it to factory settings",
        "Compare first with a phone of the same model that still works: if its network "
        "needs no such setting, look for another cause",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts, is_silent_since)


BAD = replace(bad_facts("P712"), is_preview=True)
GOOD = bad_facts("P712")
