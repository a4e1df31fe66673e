"""A finding: a named fault with its evidence and the steps that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much it matters, worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Stage(StrEnum):
    """How far a phone gets; the first stage without proof is where to look."""

    SETUP = "setup"
    SEEN = "seen"
    CONNECTED = "connected"
    AUTHENTICATED = "authenticated"
    IDENTIFIED = "identified"
    RENDERED = "rendered"
    DELIVERED = "delivered"
    APPLIED = "applied"
    REGISTERED = "registered"
    REACHABLE = "reachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault of one subject.

    `message` says what is wrong, with the values. `evidence` are lines that prove it (may name
    other devices: for people only). `steps` mend it; a step may have further lines after `\\n`.
    """

    code: str
    name: str
    severity: Severity
    stage: Stage
    subject: str
    message: str
    evidence: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """The first step in one line: what a phone or an API client is told."""
        return " ".join(self.steps[0].split()) if self.steps else ""

    def lines(self) -> tuple[str, ...]:
        """Evidence and steps as the log prints them below the message."""
        shown = [f"  {line}" for line in self.evidence]
        for step in self.steps:
            first, *more = step.split("\n")
            shown.append(f"  → {first}")
            shown.extend(f"     {line}" for line in more)
        return tuple(shown)


_ORDER = {severity: rank for rank, severity in enumerate(Severity)}


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Order by severity, then code, then subject."""
    return sorted(findings, key=lambda item: (_ORDER[item.severity], item.code, item.subject))
