"""What befalls a store on PostgreSQL: connections cut, a database away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from offhook.actions.ports import AttemptQuery, PutExtension
from offhook.errors import StoreError
from tests.store_records import attempt, extension, fresh_url, open_at

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_url(request, "postgresql", tmp_path) as found:
        yield found


def cut_connections(server: str, name: str | None) -> int:
    """End every connection to a database, as a restart of the server does; gives how many."""
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            ended = connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"),
                {"n": name},
            )
            return len(ended.all())
    finally:
        engine.dispose()


async def test_the_store_goes_on_after_its_connections_were_cut(
    url: str, postgres_url: str, tmp_path: Path
) -> None:
    store = await open_at(url, tmp_path)
    await store.inventory.commit([PutExtension(extension=extension(1001))], [])
    store.journal.record(attempt(1))
    await store.journal.flush()
    assert cut_connections(postgres_url, make_url(url).database) == 1
    await store.inventory.commit([PutExtension(extension=extension(1002))], [])
    store.journal.record(attempt(2))
    assert (await store.journal.attempts(AttemptQuery()))[0] == 2
    await store.close()
    again = await open_at(url, tmp_path)
    image = await again.inventory.load()
    assert [item.number for item in image.extensions] == ["1001", "1002"]
    await again.close()


async def test_a_wrong_password_is_refused_without_being_told(
    postgres_url: str, tmp_path: Path
) -> None:
    wrong = make_url(postgres_url).set(password="not-the-right-one")
    with pytest.raises(StoreError) as caught:
        await open_at(wrong.render_as_string(hide_password=False), tmp_path)
    told = f"{caught.value} {caught.value.hint}"
    assert "not-the-right-one" not in told
    assert caught.value.hint


async def test_a_database_that_is_not_there_is_named(postgres_url: str, tmp_path: Path) -> None:
    absent = make_url(postgres_url).set(database="nobody_made_it")
    with pytest.raises(StoreError, match="nobody_made_it") as caught:
        await open_at(absent.render_as_string(hide_password=False), tmp_path)
    assert caught.value.hint
