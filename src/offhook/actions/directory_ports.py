"""What a synchronisation needs from the world: a source of people, and a store of links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from offhook.core.directory import DirectoryRead, Link
from offhook.errors import OffhookError

Progress = Callable[[str, int], None]
"""Told what is being done and how many so far; called on the event loop."""


class DirectoryError(OffhookError):
    """The directory could not be read whole: `code` is its P5xx fault, `values` fill its texts."""

    def __init__(self, code: str, message: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.values: Mapping[str, Any] = values or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryTest:
    """What a test of the connection found; `people` are the first five logins with their names."""

    server: str
    base_dn: tuple[str, ...]
    count: int
    people: tuple[tuple[str, str], ...] = ()
    certificate_ends: datetime | None = None


class DirectorySource(Protocol):
    """Somewhere that people are kept. All methods obey their deadlines and never block the loop."""

    name: str

    async def read(self, progress: Progress) -> DirectoryRead:
        """Everybody in scope, complete, or DirectoryError: never a part."""
        ...

    async def still_there(self, guids: Sequence[str]) -> Mapping[str, bool]:
        """For people absent from a read: True for those that exist out of scope."""
        ...

    async def test(self) -> DirectoryTest:
        """Connect, sign in, count. Raises DirectoryError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """One run as kept. `status`: ok, unchanged, partial, refused, failed, dry_run.

    `changes` are {login, guid, number, kinds, fields:[{field, old, new}]}; `problems`
    {login, guid, fault, message, values}; `reboots` the ids begun; `would_reboot` MACs in a dry
    run.
    """

    id: str
    source: str
    started_at: datetime
    seconds: float
    asked_by: str
    status: str
    is_dry_run: bool
    server: str = ""
    plan_id: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: Sequence[Mapping[str, object]] = ()
    problems: Sequence[Mapping[str, object]] = ()
    brakes: Sequence[Mapping[str, object]] = ()
    reboots: Sequence[str] = ()
    would_reboot: Sequence[str] = ()
    pending: int = 0
    fault: str = ""
    error: str = ""
    warnings: Sequence[str] = ()


class LinkStore(Protocol):
    """Links and reports; links are written with `PutLink` in the inventory's own transaction."""

    async def load_links(self) -> list[Link]:
        """All links."""
        ...

    async def put_report(self, report: SyncReport, keep: int) -> None:
        """Keep a report, the newest `keep` of them."""
        ...

    async def list_reports(self, limit: int) -> list[SyncReport]:
        """Newest first."""
        ...

    async def get_report(self, report_id: str) -> SyncReport | None:
        """One report."""
        ...
