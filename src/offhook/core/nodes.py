"""A node: one of several processes of this server on one database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SILENT_S = 10.0
"""A node that says nothing for so long is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNote:
    """What a node says of itself; the digests are of what files are made from, and must agree."""

    name: str
    version: str
    settings_digest: str = ""
    templates_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as the database has it; `silent_s` is how long ago it said that it lives."""

    id: str
    name: str
    version: str
    started_at: datetime
    seen_at: datetime
    silent_s: float
    is_leading: bool
    settings_digest: str = ""
    templates_digest: str = ""

    @property
    def is_alive(self) -> bool:
        """True while it speaks."""
        return self.silent_s < SILENT_S
