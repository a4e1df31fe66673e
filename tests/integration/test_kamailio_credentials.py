"""Kamailio's table of subscribers follows the extensions, also when its database goes away."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from offhook.core.events import Changed
from offhook.core.model import Change
from offhook.core.secret import Secret
from offhook.engines.kamailio_config import database_url
from offhook.engines.kamailio_credentials import KamailioCredentials
from tests.store_records import BACKENDS, fresh_url


def ha1(number: str, secret: str) -> tuple[str, str]:
    plain = f"{number}:office:{secret}".encode()
    return hashlib.md5(plain).hexdigest(), hashlib.sha256(plain).hexdigest()


class Office:
    def __init__(self, url: str) -> None:
        self.url = database_url(url)
        self.secrets = {"1001": Secret("one"), "1002": Secret("two")}
        self.feed = self.feed_of(self.secrets)

    def feed_of(self, secrets: dict[str, Secret]) -> KamailioCredentials:
        return KamailioCredentials(self.url, realm="office", secrets=lambda: secrets, retry_s=0.01)

    def rows(self) -> dict[str, tuple[str, str]]:
        """What Kamailio would read, by another connection."""
        if self.url.get_backend_name() == "sqlite":
            engine = create_engine(f"sqlite:///{self.url.database}/subscriber.sqlite")
        else:
            engine = create_engine(self.url.set(drivername="postgresql+psycopg"))
        try:
            with engine.connect() as connection:
                found = connection.execute(
                    text("SELECT username, ha1, ha1_sha256 FROM subscriber WHERE domain = 'office'")
                )
                return {row[0]: (row[1], row[2]) for row in found}
        finally:
            engine.dispose()

    async def settle(self) -> dict[str, tuple[str, str]]:
        async with asyncio.timeout(10.0):
            await self.feed.wait_settled()
        return await asyncio.to_thread(self.rows)


def changed(noun: str, subject: str) -> Changed:
    return Changed(
        change=Change(
            at=datetime.now(UTC),
            actor="test",
            noun=noun,
            subject=subject,
            action="changed",
            before=None,
            after=None,
        )
    )


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'kamailio'}"
        return
    with fresh_url(request, request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def office(url: str) -> AsyncIterator[Office]:
    made = Office(url)
    yield made
    await made.feed.stop()


async def test_all_enabled_extensions_are_there_after_the_start(office: Office) -> None:
    await office.feed.start()
    assert await office.settle() == {"1001": ha1("1001", "one"), "1002": ha1("1002", "two")}


async def test_a_change_adds_alters_and_removes(office: Office) -> None:
    await office.feed.start()
    office.secrets.update({"1001": Secret("new"), "1003": Secret("three")})
    del office.secrets["1002"]
    office.feed.on_event(changed("extension", "1001"))
    assert await office.settle() == {"1001": ha1("1001", "new"), "1003": ha1("1003", "three")}
    assert office.feed.writes == 5


async def test_changes_of_other_things_are_no_work(office: Office) -> None:
    await office.feed.start()
    office.feed.on_event(changed("device", "00:15:65:12:34:56"))
    assert await office.settle() == {"1001": ha1("1001", "one"), "1002": ha1("1002", "two")}


async def test_a_start_mends_what_changed_meanwhile(office: Office) -> None:
    stale = office.feed_of({"1001": Secret("old"), "1009": Secret("gone")})
    await stale.start()
    await stale.stop()
    await office.feed.start()
    assert await office.settle() == {"1001": ha1("1001", "one"), "1002": ha1("1002", "two")}
    assert office.feed.writes == 3


async def test_the_table_is_compared_again_when_a_node_came_back(office: Office) -> None:
    await office.feed.start()
    meddler = office.feed_of({})
    await meddler.start()
    await meddler.stop()
    office.feed.mark_all()
    assert await office.settle() == {"1001": ha1("1001", "one"), "1002": ha1("1002", "two")}


async def test_thousands_are_written_at_once(office: Office) -> None:
    office.secrets.update({str(number): Secret("x") for number in range(2000, 5000)})
    await office.feed.start()
    assert len(await office.settle()) == 3002


async def test_a_database_that_is_away_is_told_once_and_caught_up_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "kamailio"
    folder.write_text("a file where the folder belongs")
    office = Office(f"sqlite:///{folder}")
    office.secrets["1001"] = Secret("tell-nobody")
    with caplog.at_level(logging.INFO, "offhook.sip.kamailio"):
        await office.feed.start()
        assert "cannot be written" in office.feed.problem
        async with asyncio.timeout(10.0):
            while office.feed.failures < 3:  # noqa: ASYNC110 - its thread tries again
                await asyncio.sleep(0.005)
        folder.unlink()
        assert (await office.settle())["1001"] == ha1("1001", "tell-nobody")
        await office.feed.stop()
    assert office.feed.problem == ""
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "tell-nobody" not in caplog.text


async def test_stopping_twice_is_stopping_once(office: Office) -> None:
    await office.feed.start()
    await office.feed.stop()
    await office.feed.stop()


async def test_no_secret_lies_in_the_files(tmp_path: Path) -> None:
    office = Office(f"sqlite:///{tmp_path / 'kamailio'}")
    office.secrets["1001"] = Secret("a-secret-to-look-for")
    await office.feed.start()
    await office.feed.stop()
    for file in (tmp_path / "kamailio").iterdir():
        assert file.stat().st_mode & 0o077 == 0
        assert b"a-secret-to-look-for" not in file.read_bytes()
