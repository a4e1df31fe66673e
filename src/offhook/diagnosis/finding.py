"""A finding: a named fault with its evidence and the steps that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


def stamp(at: datetime) -> str:
    """Write a moment as UTC ISO 8601 to the second: `2025-12-05T19:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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


class Evidence(str):
    """A line that proves a finding: text for people; `at` (None: no moment) and `what` for tools.

    With `is_dated` the line begins with its moment; otherwise the words tell it.
    """

    __slots__ = ("at", "what")
    at: datetime | None
    what: str

    def __new__(cls, what: str, at: datetime | None = None, *, is_dated: bool = True) -> Evidence:
        """Make the line of its parts."""
        line = super().__new__(cls, f"{stamp(at)} {what}" if at and is_dated else what)
        line.at, line.what = at, what
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault of one subject.

    `message` says what is wrong, with the values. `evidence` are lines that prove it (may name
    other devices: for people only). `steps` mend it; a step may have further lines after `\\n`.
    `is_general` and `explains` as `Fault` has them. `also_about` are further subjects whom it helps
    when they are not right: the record that an unknown phone may mean, the phone that was refused.
    """

    code: str
    name: str
    severity: Severity
    stage: Stage
    subject: str
    message: str
    evidence: tuple[Evidence, ...] = ()
    steps: tuple[str, ...] = ()
    is_general: bool = False
    explains: tuple[str, ...] = ()
    also_about: tuple[str, ...] = ()

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
