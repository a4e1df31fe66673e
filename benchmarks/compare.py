"""Two results side by side by their ratios, which a faster or slower machine leaves as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORSE = 0.8
"""A ratio below so much of what it was is worse by more than a fifth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A row in both results; None where it has no ratio or is missing."""

    name: str
    before: float | None
    after: float | None
    was_right: bool
    is_right: bool

    @property
    def change(self) -> float | None:
        """How many times the ratio of before."""
        if self.before is None or self.after is None or self.before <= 0:
            return None
        return self.after / self.before

    @property
    def verdict(self) -> str:
        """What to say of it; empty when there is nothing to say."""
        if not self.is_right:
            return "not right" if self.was_right else "still not right"
        if self.after is None and self.before is not None:
            return "not measured any more"
        if self.before is None:
            return "new" if self.after is not None else ""
        assert self.change is not None
        if self.change < WORSE:
            return f"worse by {1 - self.change:.0%}"
        return f"better by {self.change - 1:.0%}" if self.change > 1 / WORSE else ""

    @property
    def is_worse(self) -> bool:
        """True when somebody has to look."""
        return self.verdict.startswith(("worse", "not"))


def pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Pair]:
    """Match rows by name, those of before first."""
    old = {row["name"]: row for row in before["rows"]}
    new = {row["name"]: row for row in after["rows"]}
    nothing: Mapping[str, Any] = {"ratio": None, "is_right": True}
    return [
        Pair(
            name=name,
            before=old.get(name, nothing)["ratio"],
            after=new.get(name, nothing)["ratio"],
            was_right=old.get(name, nothing)["is_right"],
            is_right=new.get(name, nothing)["is_right"],
        )
        for name in dict.fromkeys([*old, *new])
    ]


def told(found: list[Pair]) -> str:
    """The comparison as text."""
    lines = [f"{'row':24} {'before':>8} {'after':>8} {'change':>8}"]
    for pair in found:
        shown = (
            "-" if it is None else f"{it:.2f}" for it in (pair.before, pair.after, pair.change)
        )
        cells = " ".join(f"{it:>8}" for it in shown)
        lines.append(f"{pair.name:24} {cells}  {pair.verdict}".rstrip())
    worse = [pair.name for pair in found if pair.is_worse]
    lines.append(f"worse by more than 20 %: {', '.join(worse) or 'none'}")
    return "\n".join(lines)
