"""A phone was told to get its address by DHCP, whatever was set on it, and is silent since.

What you see: phones with fixed addresses vanish after they fetched their files.

Why: a setting or template writes the phone's way to get an address. What was set on the phone by
hand is gone then.

What to do: take the setting back, and set the address on the phone again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, is_silent_since
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P713",
    name="fixed-ip-wiped",
    title="File overwrites how the phone gets its address",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="the file of {mac} sets DHCP ({key}), so an address that was set on the phone is gone",
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


BAD = replace(bad_facts("P713"), is_preview=True)
GOOD = bad_facts("P713")
