"""A password is longer than the phone's model keeps.

What you see: the phone has its file and fails to register; its REGISTERs carry a wrong digest.

Why: the model cuts off long passwords without a word.

What to do: give the extension a shorter secret, or remove the free setting that holds one.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.linting import bad_facts, found_in_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P710",
    name="password-too-long",
    title="Password longer than the phone keeps",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="{key} has {value} characters; the phone {mac} keeps {other}",
    steps=(
        "Set a shorter secret: PATCH /api/extensions/{extension}, or leave the secret "
        "out of the free settings",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find it in files as they are, or would be."""
    yield from found_in_files(FAULT, facts)


BAD = bad_facts("P710", key="secret of extension 1001", value="64", other="32")
GOOD = HEALTHY
