"""A file sends key presses in a call otherwise than the setting `dtmf` says.

What you see: keys do nothing in voice menus, only on phones that were provisioned.

Why: a free setting or template writes the maker's own key for it, and overrides the neutral setting
`dtmf`, which is the same for all makers.

What to do: remove the maker's key; change `dtmf` instead, for the site or for one model.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P717",
    name="dtmf-template-default",
    title="File sends digits otherwise than set",
    severity=Severity.WARNING,
    stage=Stage.RENDERED,
    message="the file of {mac} has {key} = {value}, which does not fit the setting dtmf = {other}",
    steps=(
        "{mend}",
        "To change it for all makers alike, set dtmf: PATCH /api/provisioning/settings/site",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts)


BAD = bad_facts("P717", other="rfc2833")
GOOD = HEALTHY
