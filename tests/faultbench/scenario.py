"""What a scenario is: who acts how, on whom the verdict is asked, and what it must say."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.faultbench.bench import Bench

Act = Callable[[Bench], Awaitable[str]]
"""Does it all, and gives the subject to ask about: MAC, extension or address."""


class Result(StrEnum):
    """How the verdict compares with what was done."""

    FIRST = "named first"
    SECOND = "named second"
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    SILENT = "rightly silent"
    BROKEN = "broken"
    """The scenario itself failed: it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`code` is empty for a healthy one; `evidence` a pattern one line of it must match."""

    name: str
    code: str
    act: Act
    evidence: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def judge(self, diagnosis: Mapping[str, Any]) -> Result:
        """Compare a verdict with what was expected."""
        codes = [item["code"] for item in diagnosis["findings"]]
        if not self.code:
            is_right = not codes and diagnosis["stage"] == "registered"
            return Result.SILENT if is_right else Result.FALSE_ALARM
        if self.code not in codes:
            return Result.MISSED
        if not self._has_evidence(diagnosis["findings"][codes.index(self.code)]):
            return Result.MISSED
        return Result.FIRST if codes[0] == self.code else Result.SECOND

    def _has_evidence(self, finding: Mapping[str, Any]) -> bool:
        return any(re.search(self.evidence, line["what"]) for line in finding["evidence"])


SCENARIOS: dict[str, Scenario] = {}


def scenario(code: str, evidence: str, **settings: str) -> Callable[[Act], Act]:
    """Enter a scenario of a fault: its code, and a pattern of the event that the evidence cites."""

    def enter(act: Act) -> Act:
        _add(code, act, evidence, settings)
        return act

    return enter


def healthy(**settings: str) -> Callable[[Act], Act]:
    """Enter a scenario in which nothing is wrong with the subject."""

    def enter(act: Act) -> Act:
        _add("", act, "", settings)
        return act

    return enter


def _add(code: str, act: Act, evidence: str, settings: Mapping[str, str]) -> None:
    name = act.__name__
    assert name not in SCENARIOS, name
    SCENARIOS[name] = Scenario(name=name, code=code, act=act, evidence=evidence, settings=settings)
