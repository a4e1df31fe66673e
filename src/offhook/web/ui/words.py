"""How values are worded on pages: moments, stages, severities. Filters of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from offhook.diagnosis.finding import Stage
from offhook.diagnosis.verdict import LADDER

SIGNS = {"ok": "✓", "error": "✗", "warning": "!", "info": "i", "waiting": "…", "off": "-"}
"""A sign beside each colour: status is never told by colour alone."""


def ago(at: datetime | None) -> str:
    """Say how long ago a moment was, in one unit: `5 min ago`; `never` for none."""
    if at is None:
        return "never"
    seconds = (datetime.now(UTC) - at).total_seconds()
    if seconds < 0:
        return "soon"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def moment(at: datetime | None) -> str:
    """Write a moment in UTC to the second; empty for none."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def iso(at: datetime) -> str:
    """Write a moment for `<time datetime>`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sign(kind: str) -> str:
    """Give the sign of a status."""
    return SIGNS.get(str(kind), "")


def rungs(stage: Stage) -> list[tuple[str, bool]]:
    """Give the ladder of stages, and whether each is proven."""
    reached = LADDER.index(stage) if stage in LADDER else -1
    return [(name.value, place <= reached) for place, name in enumerate(LADDER)]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "ago": ago,
    "moment": moment,
    "iso": iso,
    "sign": sign,
    "rungs": rungs,
}
