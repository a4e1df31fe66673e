"""A setting has a value that cannot be used.

What you see: the server does not start, or `offhook doctor` ends with exit code 2.

Why: the value is of the wrong kind or out of range: a port above 65535, a network that is no
network, a word where a number belongs.

What to do: correct the value. The message says what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import ConfigProblem, Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P105",
    name="bad-setting",
    title="A setting has an unusable value",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="setting {key} cannot be used: {problem}",
    steps=(
        "Correct {key} in `config.yml` (or the variable OFFHOOK_SECTION__KEY)",
        "Compare with `docs/settings.md`, which says what each setting takes",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the settings whose values cannot be used."""
    for item in facts.config.problems:
        if item.code == FAULT.code:
            key = shown(item.key)
            yield FAULT.finding(key, key=key, problem=shown(item.message, 1000))


_PROBLEM = ConfigProblem(
    code="P105",
    key="server.http_port",
    message="input should be less than or equal to 65535, got 80800",
)
BAD = replace(HEALTHY, config=replace(HEALTHY.config, problems=(_PROBLEM,)))
GOOD = HEALTHY
