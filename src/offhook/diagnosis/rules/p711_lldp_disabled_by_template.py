"""A phone was told not to listen to LLDP, and is silent since.

What you see: phones vanish after they fetched their files; the switch has them in another VLAN.

Why: a setting or template switches LLDP off. A phone that learns its voice VLAN from the switch
leaves it then, and reaches nothing here any more.

What to do: take the setting back. Phones that are lost must be given the VLAN by hand, or be reset
to factory settings, to fetch again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files, is_silent_since
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P711",
    name="lldp-disabled-by-template",
    title="File switches LLDP off",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message=(
        "the file of {mac} switches LLDP off ({key}); a phone that gets its VLAN that way is lost"
    ),
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


BAD = replace(bad_facts("P711"), is_preview=True)
GOOD = bad_facts("P711")
