"""What the reports of synchronisations tell the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from offhook.actions.directory_ports import SyncReport
from offhook.core.directory import PersonProblem
from offhook.diagnosis.facts import DirectoryFacts, DirectoryRun

_RENAMING = {"rename", "renumber", "adopt"}


def directory_facts(
    source: str, reports: Sequence[SyncReport], certificate_ends: datetime | None = None
) -> DirectoryFacts:
    """Make the facts of a source from its reports, newest first (those of others are left out)."""
    own = [report for report in reports if report.source == source]
    complete = next((report for report in own if report.status != "failed"), None)
    return DirectoryFacts(
        source=source,
        server=next((report.server for report in own if report.server), ""),
        runs=tuple(_run(report) for report in own),
        certificate_ends=certificate_ends,
        problems=tuple(map(_problem, complete.problems)) if complete else (),
        renamed=_renamed(own),
    )


def _run(report: SyncReport) -> DirectoryRun:
    values: dict[str, object] = {}
    if report.brakes:
        hit = report.brakes[0]
        values = {"brake": hit.get("name"), "count": hit.get("count"), "limit": hit.get("limit")}
        values["logins"] = ", ".join(map(str, _items(hit.get("logins"))))
    return DirectoryRun(
        at=_ended(report),
        status=report.status,
        fault=report.fault,
        error=report.error,
        values=values,
    )


def _problem(kept: Mapping[str, object]) -> PersonProblem:
    values = kept.get("values")
    return PersonProblem(
        guid=str(kept.get("guid", "")),
        login=str(kept.get("login", "")),
        fault=str(kept.get("fault", "")),
        message=str(kept.get("message", "")),
        values=values if isinstance(values, Mapping) else {},
    )


def _renamed(reports: Iterable[SyncReport]) -> dict[str, datetime]:
    """Give the end of the newest run in which each extension got another name or number."""
    found: dict[str, datetime] = {}
    for report in reports:
        if report.status not in ("ok", "partial"):
            continue
        for change in report.changes:
            if _RENAMING & set(_items(change.get("kinds"))):
                found.setdefault(str(change.get("number", "")), _ended(report))
    return found


def _ended(report: SyncReport) -> datetime:
    return report.started_at + timedelta(seconds=report.seconds)


def _items(kept: object) -> Sequence[str]:
    return kept if isinstance(kept, list | tuple) else ()
