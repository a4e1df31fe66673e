"""A database of an earlier version keeps its history."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from offhook.actions.ports import AttemptQuery
from offhook.core.model import Attempt, OutcomeKind
from offhook.store.database import _make_engine, _parse_url
from offhook.store.failures import store_error
from offhook.store.schema import _MIGRATIONS
from offhook.store.shared import Turn, take_turn
from offhook.store.values import from_us
from tests.store_records import fresh_url, mac, open_at

_BEFORE_SHAPES = """
INSERT INTO attempts VALUES
  (:id, :at, 'r1', 'http', 'GET', 'a.cfg', '10.0.0.7', 'Yealink', '001565000001', :mac, 'a.cfg',
   'served', 200, '', '', '', 'P304 x,P305 y', 'yealink', 't46s', '66', '1001', 'Zoe', 12, 'ab',
   'text/plain', true, false, true)
"""


def written_before_shapes(url: str) -> None:
    """Make a database of the schema before 0005 with an attempt in it."""
    engine = _make_engine(_parse_url(url), is_migrating=True)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for row_id in (5, 8193):
            values = {"id": row_id, "at": 1_700_000_000_000_000 + row_id, "mac": mac(1).plain}
            connection.execute(text(_BEFORE_SHAPES), values)
    engine.dispose()


async def test_attempts_of_before_shapes_are_kept(url: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    written_before_shapes(url)
    store = await open_at(url, tmp_path, keep_rows=0)
    wanted = [
        Attempt(
            request_id="r1",
            at=from_us(1_700_000_000_000_000 + row_id),
            transport="http",
            method="GET",
            path="a.cfg",
            address="10.0.0.7",
            user_agent="Yealink",
            mac_text="001565000001",
            mac=mac(1),
            file="a.cfg",
            kind=OutcomeKind.SERVED,
            status=200,
            notices=("P304 x", "P305 y"),
            vendor="yealink",
            model="t46s",
            firmware="66",
            extension="1001",
            extension_name="Zoe",
            size_bytes=12,
            digest="ab",
            content_type="text/plain",
            is_device_file=True,
        )
        for row_id in (8193, 5)
    ]
    for query in (AttemptQuery(), AttemptQuery(mac=mac(1))):
        assert await store.journal.attempts(query) == (2, wanted)
    assert (await store.journal.counts())["successful"] == 2
    await store.close()


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("turn", [Turn.CHANGE, Turn.JOURNAL], ids=lambda turn: turn.name)
async def test_a_migration_takes_no_table_while_a_node_writes(
    request: pytest.FixtureRequest, tmp_path: Path, turn: Turn
) -> None:
    (tmp_path / "data").mkdir()
    with fresh_url(request, "postgresql", tmp_path) as url:
        written_before_shapes(url)
        engine = _make_engine(_parse_url(url), is_migrating=True)
        with engine.begin() as old_node:
            take_turn(old_node, turn)
            opening = asyncio.ensure_future(open_at(url, tmp_path))
            while not _somebody_waits(old_node):
                assert not opening.done()
                await asyncio.sleep(0.02)
            tables = "attempts, devices, changes, reboots"
            old_node.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE NOWAIT"))
        engine.dispose()
        store = await opening
        assert await store.journal.attempts(AttemptQuery(mac=mac(1)))
        await store.close()


def _somebody_waits(connection: Connection) -> bool:
    """Tell whether another session waits for its turn in this database."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return bool(connection.execute(text(waiting)).scalar_one())


@pytest.mark.needs("postgres")
def test_who_waits_too_long_for_another_node_is_told_so(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with fresh_url(request, "postgresql", tmp_path) as url:
        engine = _make_engine(_parse_url(url), is_migrating=True)
        with engine.begin() as busy, engine.begin() as late:
            take_turn(busy, Turn.START)
            late.execute(text("SET LOCAL lock_timeout = 50"))
            with pytest.raises(DBAPIError) as caught:
                take_turn(late, Turn.START)
            error = store_error(caught.value, "offhook")
            assert str(error).startswith("database offhook: another node has something locked")
            assert "try again" in error.hint
            late.rollback()
        engine.dispose()
