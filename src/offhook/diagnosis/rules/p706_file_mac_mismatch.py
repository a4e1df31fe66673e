"""A device's file names the MAC of another phone.

What you see: the phone fetches its file again and again and keeps its old settings.

Why: a template of this site has a MAC address written into it. Phones of this maker refuse a file
whose MAC is not their own.

What to do: write `{{ device.mac }}` in the template, or leave that part out.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P706",
    name="file-mac-mismatch",
    title="File names another phone's MAC",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message=(
        "the file {file} names the MAC {value}, but the phone is {mac}, so it refuses the file"
    ),
    steps=(
        "In the site's template write {{{{ device.mac }}}} instead of {value}, or remove that part",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts)


BAD = bad_facts("P706", key="", value="02acceffffff")
GOOD = HEALTHY
