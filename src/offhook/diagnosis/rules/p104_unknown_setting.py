"""The configuration names a setting that does not exist.

What you see: the server does not start, or `offhook doctor` ends with exit code 2.

Why: a key in `config.yml` or an environment variable `OFFHOOK_SECTION__KEY` is misspelt, stands in
the wrong section, or belongs to another version. It would have no effect, so it is refused.

What to do: correct or delete it. The message lists the keys that its section knows.
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
    code="P104",
    name="unknown-setting",
    title="Unknown setting",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="setting {key} is unknown: {problem}",
    steps=(
        "Correct or delete {key} in `config.yml` (or the variable OFFHOOK_SECTION__KEY)",
        "Compare with `docs/settings.md`, which has every setting",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the settings that do not exist."""
    for item in facts.config.problems:
        if item.code == FAULT.code:
            key = shown(item.key)
            yield FAULT.finding(key, key=key, problem=shown(item.message, 1000))


_PROBLEM = ConfigProblem(
    code="P104", key="server.htp_port", message="no such setting; known: external_ip, http_port"
)
BAD = replace(HEALTHY, config=replace(HEALTHY.config, problems=(_PROBLEM,)))
GOOD = HEALTHY
