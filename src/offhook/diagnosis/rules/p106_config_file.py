"""A configuration file is missing or cannot be read.

What you see: the server does not start, or `offhook doctor` ends with exit code 2.

Why: the file given with `--config` (or one that a variable `OFFHOOK_..._FILE` names) does not
exist, may not be read by this user, or is not valid YAML: often a tab, or a missing blank after a
colon.

What to do: correct the path or the rights, or the line that the message names.
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
    code="P106",
    name="config-file",
    title="A configuration file cannot be used",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="cannot use the configuration of {key}: {problem}",
    steps=(
        "Check that {key} is named rightly, and that the user of the server may read the file",
        "Begin with a copy of `config.yml.example` if the file is missing or not valid YAML",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the configuration files that could not be used."""
    for item in facts.config.problems:
        if item.code == FAULT.code:
            key = shown(item.key)
            yield FAULT.finding(key, key=key, problem=shown(item.message, 1000))


_PROBLEM = ConfigProblem(code="P106", key="config.yml", message="there is no such file")
BAD = replace(HEALTHY, config=replace(HEALTHY.config, problems=(_PROBLEM,)))
GOOD = HEALTHY
