"""Links of directory people, and the reports of synchronisations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from offhook.actions.directory_ports import SyncReport
from offhook.core.directory import Link, LinkState
from offhook.store import tables
from offhook.store.database import Database
from offhook.store.upsert import upsert
from offhook.store.values import from_us, to_us


class SqlLinkStore:
    """Links are written with the inventory, in its transaction; reports on their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_links(self) -> list[Link]:
        """All links."""
        return await self._database.run(load_links)

    async def put_report(self, report: SyncReport, keep: int) -> None:
        """Keep a report, the newest `keep` of them."""
        await self._database.run(_put_report, report, keep)

    async def list_reports(self, limit: int) -> list[SyncReport]:
        """Newest first."""
        return await self._database.run(_list_reports, limit)

    async def get_report(self, report_id: str) -> SyncReport | None:
        """One report."""
        return await self._database.run(_get_report, report_id)


def link_row(link: Link) -> dict[str, object]:
    """A link as a row of its table."""
    return {
        "source": link.source,
        "guid": link.guid,
        "number": link.number,
        "state": link.state.value,
        "login": link.login,
        "dn": link.dn,
        "name": link.name,
        "email": link.email,
        "since_us": to_us(link.since),
        "overrides": sorted(link.overrides),
        "reserved": {number: to_us(until) for number, until in sorted(link.reserved.items())},
        "seen_from": link.seen_from,
        "is_ignored_by_hand": link.is_ignored_by_hand,
    }


def load_links(connection: Connection, guids: Collection[str] | None = None) -> list[Link]:
    """Read links by guid: all, or these."""
    statement = select(tables.links).order_by(tables.links.c.guid)
    if guids is not None:
        statement = statement.where(tables.links.c.guid.in_(guids))
    rows = connection.execute(statement)
    return [_link(row) for row in rows]


def _link(row: Row[Any]) -> Link:
    return Link(
        source=row.source,
        guid=row.guid,
        number=row.number,
        state=LinkState(row.state),
        login=row.login,
        dn=row.dn,
        name=row.name,
        email=row.email,
        since=from_us(row.since_us),
        overrides=frozenset(row.overrides),
        reserved={number: from_us(until) for number, until in row.reserved.items()},
        seen_from=row.seen_from,
        is_ignored_by_hand=row.is_ignored_by_hand,
    )


def _put_report(connection: Connection, report: SyncReport, keep: int) -> None:
    table = tables.sync_reports
    body = {**asdict(report), "started_at": report.started_at.isoformat()}
    row = {
        "id": report.id,
        "started_us": to_us(report.started_at),
        "source": report.source,
        "body": body,
    }
    upsert(connection, table, [row])
    old = select(table.c.id).order_by(table.c.started_us.desc()).offset(keep)
    gone = list(connection.execute(old).scalars())
    if gone:
        connection.execute(delete(table).where(table.c.id.in_(gone)))


def _list_reports(connection: Connection, limit: int) -> list[SyncReport]:
    table = tables.sync_reports
    rows = select(table.c.body).order_by(table.c.started_us.desc(), table.c.id).limit(limit)
    return [_report(body) for body in connection.execute(rows).scalars()]


def _get_report(connection: Connection, report_id: str) -> SyncReport | None:
    table = tables.sync_reports
    body = connection.execute(select(table.c.body).where(table.c.id == report_id)).scalar()
    return _report(body) if body is not None else None


def _report(body: dict[str, Any]) -> SyncReport:
    started_at = datetime.fromisoformat(body["started_at"]).astimezone(UTC)
    return SyncReport(**{**body, "started_at": started_at})
