"""Phones get no files because provisioning is switched off.

What you see: every phone fails to fetch its file, and no request is ever answered with one.

Why: `provisioning.enabled` is false in `config.yml` or in the environment
(`OFFHOOK_PROVISIONING__ENABLED`).

What to do: set it to true and restart the server. If it was switched off on purpose, nothing is
wrong: phones keep the settings they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P101",
    name="provisioning-disabled",
    title="Provisioning is switched off",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="provisioning.enabled is false: phones get no files",
    steps=(
        "Set this in `config.yml`:\nprovisioning:\n  enabled: true",
        "Restart the server",
    ),
)
_SHOWN = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find provisioning switched off."""
    if not facts.config.is_provisioning_enabled:
        asked = [it for it in facts.attempts if it.fault == FAULT.code and not it.is_test]
        yield FAULT.finding(
            "provisioning.enabled",
            evidence=["provisioning.enabled = false", *map(attempt_line, asked[:_SHOWN])],
        )


BAD = replace(HEALTHY, config=replace(HEALTHY.config, is_provisioning_enabled=False))
GOOD = HEALTHY
