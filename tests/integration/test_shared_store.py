"""Two processes' stores on one PostgreSQL: who may write, and how each learns of the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from offhook.actions.elsewhere import Contacts, News
from offhook.actions.ports import (
    AttemptQuery,
    DeleteDevice,
    DeleteExtension,
    PutDevice,
    PutExtension,
    PutLink,
    PutSettings,
)
from offhook.core.directory import Link, LinkState
from offhook.core.inventory import SITE
from offhook.core.model import RebootStep, Token
from offhook.core.nodes import NodeNote
from offhook.core.people import Admin
from offhook.core.secret import Secret
from offhook.errors import BadRequestError, StoreError
from offhook.store.lease import LEAD
from offhook.store.open import Several, Store
from offhook.store.tables import inventory_log, journal_batches, leases
from tests.store_records import (
    T0,
    attempt,
    change,
    device,
    extension,
    fresh_url,
    later,
    mac,
    open_at,
    reboot,
    refused,
    unknown,
)

pytestmark = pytest.mark.needs("postgres")


@pytest_asyncio.fixture
async def stores(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Store, Store]]:
    """Both open; the first leads."""
    with fresh_url(request, "postgresql", tmp_path) as url:
        first = await open_at(url, tmp_path)
        second = await open_at(url, tmp_path, is_leading=False)
        for store in (first, second):
            await store.inventory.load()
        yield first, second
        for store in (first, second):
            several = of(store)
            await several.line.close()
            await several.change_lock.close()
            await store.close()


def of(store: Store) -> Several:
    assert store.several is not None
    return store.several


async def news_of(store: Store) -> News:
    """What it learns of the other, taken in."""
    found = await of(store).news.news()
    of(store).news.note_news(found)
    return found


async def contacts_of(store: Store) -> Contacts:
    found = await of(store).news.contacts()
    of(store).news.note_contacts(found)
    return found


async def expire(store: Store, name: str = LEAD) -> None:
    """Let the time of a lease be over, as when its holder stood still."""
    await store.database.run(
        lambda it: (
            it.execute(update(leases).where(leases.c.name == name).values(until_us=0)) and None
        )
    )


# --- leases --------------------------------------------------------------------------------------


async def test_a_lease_has_one_holder(stores: tuple[Store, Store]) -> None:
    first, second = (of(store).leases for store in stores)
    assert await first.take("sync ad", 60, {"id": "a"})
    assert await first.take("sync ad", 60, {"id": "a", "count": 2})
    assert not await second.take("sync ad", 60, {"id": "b"})
    assert await second.holder("sync ad") == (of(stores[0]).node, {"id": "a", "count": 2})


async def test_a_lease_that_ran_out_or_was_given_up_is_free(stores: tuple[Store, Store]) -> None:
    first, second = (of(store).leases for store in stores)
    assert await first.take("sync ad", 60)
    await second.give_up("sync ad")
    assert not await second.take("sync ad", 60)
    await expire(stores[0], "sync ad")
    assert await second.holder("sync ad") == ("", None)
    assert await second.take("sync ad", 60)
    assert not await first.take("sync ad", 60)
    await second.give_up("sync ad")
    assert await first.take("sync ad", 60)


async def test_two_that_ask_at_once_do_not_both_get_it(stores: tuple[Store, Store]) -> None:
    first, second = (of(store).leases for store in stores)
    for turn in range(20):
        asked = [first.take(f"work {turn}", 60), second.take(f"work {turn}", 60)]
        assert Counter(await asyncio.gather(*asked)) == {True: 1, False: 1}


# --- orders --------------------------------------------------------------------------------------


async def test_an_order_is_taken_once_and_by_who_leads(stores: tuple[Store, Store]) -> None:
    first, second = stores
    order = reboot("a")
    await second.reboots.put_reboots([order])
    assert not await second.reboots.claim_reboot(order, later(1))
    assert await first.reboots.claim_reboot(order, later(1))
    assert not await first.reboots.claim_reboot(order, later(2))
    kept = await second.reboots.get_reboot("a")
    assert kept is not None
    assert (kept.sent_by, kept.claimed_at, kept.tries) == (of(first).node, later(1), 1)


async def test_an_order_not_saved_yet_can_be_taken(stores: tuple[Store, Store]) -> None:
    first, _ = stores
    assert await first.reboots.claim_reboot(reboot("a"), later(1))
    assert await first.reboots.get_reboot("a") is not None


async def test_who_lost_the_lead_takes_and_writes_nothing(stores: tuple[Store, Store]) -> None:
    first, second = stores
    order = reboot("a")
    await first.reboots.put_reboots([order])
    await expire(first)
    assert await of(second).leases.take(LEAD, 60)
    assert not await first.reboots.claim_reboot(order, later(1))
    await first.reboots.put_reboots([replace(order, step=RebootStep.ANSWERED)])
    kept = await second.reboots.get_reboot("a")
    assert kept is not None
    assert (kept.step, kept.sent_by) == (RebootStep.PENDING, "")
    assert await second.reboots.claim_reboot(order, later(2))


async def test_orders_of_one_node_are_news_at_the_other(stores: tuple[Store, Store]) -> None:
    first, second = stores
    await second.reboots.put_reboots([reboot("a"), reboot("b", mac=None)])
    assert [item.id for item in (await news_of(first)).reboots] == ["a", "b"]
    await second.reboots.force_reboots(["b"])
    (forced,) = (await news_of(first)).reboots
    assert (forced.id, forced.is_forced) == ("b", True)
    await first.reboots.put_reboots([reboot("a", step=RebootStep.NOTIFIED)])
    assert [item.step for item in (await news_of(second)).reboots] == [RebootStep.NOTIFIED]
    assert [item.id for item in await second.reboots.open_reboots(10)] == ["a", "b"]


# --- the log of commits --------------------------------------------------------------------------


async def test_a_commit_is_news_elsewhere_and_not_at_home(stores: tuple[Store, Store]) -> None:
    first, second = stores
    link = Link(
        source="ad",
        guid="g",
        number="1001",
        state=LinkState.ACTIVE,
        login="ada",
        dn="CN=Ada",
        name="Ada",
        since=T0,
    )
    writes = [
        PutExtension(extension=extension(1001)),
        PutDevice(device=device(1, settings={"a": "1"})),
        PutSettings(scope=SITE, settings={"codecs": "PCMA"}),
        PutLink(link=link),
    ]
    await first.inventory.commit(writes, [change("1001"), change("1002")])
    found = await news_of(second)
    assert list(found.writes) == writes
    assert [item.subject for item in found.changes] == ["1001", "1002"]
    assert not (await news_of(second)).kinds
    assert not (await news_of(first)).kinds


async def test_what_is_gone_is_news_too(stores: tuple[Store, Store]) -> None:
    first, second = stores
    await first.inventory.commit(
        [PutExtension(extension=extension(1001)), PutDevice(device=device(1))], []
    )
    await first.inventory.commit([DeleteDevice(mac=mac(1)), DeleteExtension(number="1001")], [])
    await first.inventory.commit([PutSettings(scope=SITE, settings={})], [])
    assert list((await news_of(second)).writes) == [
        DeleteExtension(number="1001"),
        DeleteDevice(mac=mac(1)),
        PutSettings(scope=SITE, settings={}),
    ]


async def test_nobody_writes_over_what_he_has_not_seen(stores: tuple[Store, Store]) -> None:
    first, second = stores
    await first.inventory.commit([PutExtension(extension=extension(1001))], [])
    late = PutExtension(extension=extension(1001, name="Other"))
    with pytest.raises(BadRequestError) as caught:
        await second.inventory.commit([late], [change()])
    assert caught.value.status == 409
    assert await second.inventory.list_changes(10) == []
    await second.inventory.commit([], [change()])  # a note of somebody's look writes over nothing
    await news_of(second)
    await second.inventory.commit([late], [])
    assert list((await news_of(first)).writes) == [late]


async def test_a_node_that_was_away_too_long_reads_everything(
    stores: tuple[Store, Store],
) -> None:
    first, second = stores
    for number in (1001, 1002, 1003):
        await first.inventory.commit([PutExtension(extension=extension(number))], [])
    await first.database.run(
        lambda it: it.execute(delete(inventory_log).where(inventory_log.c.revision < 3)) and None
    )
    assert (await news_of(second)).has_gap
    await second.inventory.load()
    assert not (await news_of(second)).has_gap


async def test_tokens_admins_and_sessions_are_told(stores: tuple[Store, Store]) -> None:
    first, second = stores
    await first.tokens.put_token(Token(name="a", digest="b", created_at=T0))
    assert (await news_of(second)).kinds == {"token"}
    await first.tokens.delete_token("a")
    assert (await news_of(second)).kinds == {"token"}
    await first.admins.put_admin(Admin(name="a", password_hash=Secret("h"), created_at=T0))
    assert (await news_of(second)).kinds == {"admin"}
    await first.admins.delete_sign_ins(admin="a")
    assert (await news_of(second)).kinds == {"admin"}


async def test_changes_of_both_have_ids_of_their_own(stores: tuple[Store, Store]) -> None:
    await asyncio.gather(
        *(store.inventory.commit([], [change(str(n))]) for n in range(20) for store in stores)
    )
    kept = await stores[0].inventory.list_changes(100)
    assert Counter(item.subject for item in kept) == {str(n): 2 for n in range(20)}


# --- the lock of changes -------------------------------------------------------------------------


async def test_changes_are_made_one_after_another(stores: tuple[Store, Store]) -> None:
    inside = 0

    async def change_something(store: Store) -> None:
        nonlocal inside
        async with of(store).change_lock:
            inside += 1
            await asyncio.sleep(0)
            assert inside == 1
            inside -= 1

    await asyncio.gather(*(change_something(store) for _ in range(10) for store in stores))


async def test_the_lock_is_free_when_its_holder_dies(stores: tuple[Store, Store]) -> None:
    first, second = (of(store).change_lock for store in stores)
    await first.__aenter__()
    await first.close()  # as the kernel does for a process that was killed
    async with asyncio.timeout(20):
        async with second:
            pass
    await first.__aexit__(None, None, None)
    async with first:
        pass


async def test_the_newest_is_known_under_the_lock(stores: tuple[Store, Store]) -> None:
    first, second = stores
    seen: list[int] = []

    async def catch_up() -> None:
        seen.append((await news_of(second)).revision)

    of(second).change_lock.catch_up = catch_up
    await first.inventory.commit([PutExtension(extension=extension(1001))], [])
    async with of(second).change_lock:
        await second.inventory.commit([PutExtension(extension=extension(1002))], [])
    assert seen == [1]


# --- the journal ---------------------------------------------------------------------------------


async def test_attempts_of_both_are_kept_and_counted_at_both(stores: tuple[Store, Store]) -> None:
    for turn in range(40):
        for number, store in enumerate(stores):
            store.journal.record(attempt(turn, request_id=f"{number}-{turn}"))
            if turn % 7 == 0:
                store.journal.record(refused(turn, request_id=f"{number}-{turn}-no"))
        await asyncio.gather(*(store.journal.flush() for store in stores))
    for store in stores:
        found = 0
        while contacts := (await contacts_of(store)).attempts:
            found += len(contacts)
        assert found == 46
        assert await store.journal.counts() == {"total": 92, "successful": 80, "failed": 12}
        total, page = await store.journal.attempts(AttemptQuery(limit=1000))
        assert total == len(page) == len({item.request_id for item in page}) == 92


async def test_strangers_are_told_with_their_count(stores: tuple[Store, Store]) -> None:
    first, second = stores
    first.journal.record(refused(9))
    first.journal.note_unknown(unknown(9, count=5))
    await first.journal.flush()
    found = await contacts_of(second)
    assert [(item.mac, item.count) for item in found.unknown] == [(mac(9), 5)]


async def test_what_the_leader_prunes_nobody_counts(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with fresh_url(request, "postgresql", tmp_path) as url:
        first = await open_at(url, tmp_path, keep_days=1, at=T0 + timedelta(days=3))
        second = await open_at(url, tmp_path, keep_days=1, is_leading=False)
        first.journal.record(attempt(1))
        await first.journal.flush()
        await contacts_of(second)
        assert (await second.journal.counts())["total"] == 1
        second.journal.prune()
        assert (await first.journal.attempts(AttemptQuery()))[0] == 1
        first.journal.prune()
        while (await first.journal.counts())["total"]:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        await contacts_of(second)
        assert (await second.journal.counts())["total"] == 0
        for store in (first, second):
            await store.close()


async def test_a_node_that_missed_contacts_counts_anew(stores: tuple[Store, Store]) -> None:
    first, second = stores
    for turn in range(3):
        first.journal.record(attempt(turn))
        await first.journal.flush()
    await first.database.run(
        lambda it: it.execute(delete(journal_batches).where(journal_batches.c.number < 3)) and None
    )
    assert (await contacts_of(second)).has_gap
    await of(second).news.recount()
    assert (await second.journal.counts())["total"] == 3
    assert not (await contacts_of(second)).has_gap


# --- nodes ---------------------------------------------------------------------------------------


async def test_nodes_see_each_other(stores: tuple[Store, Store]) -> None:
    first, second = stores
    await of(first).nodes.note_alive(NodeNote(name="north", version="1", settings_digest="s"))
    listed = await of(second).nodes.note_alive(NodeNote(name="south", version="2"))
    assert [(it.name, it.version, it.is_alive, it.is_leading) for it in listed] == [
        ("north", "1", True, True),
        ("south", "2", True, False),
    ]
    await of(first).nodes.forget()
    listed = await of(second).nodes.note_alive(NodeNote(name="south", version="2"))
    assert [it.name for it in listed] == ["south"]


async def test_the_line_tells_what_happened(stores: tuple[Store, Store]) -> None:
    first, second = stores
    heard: asyncio.Queue[str] = asyncio.Queue()
    await of(second).line.open(is_only=False)
    listening = asyncio.ensure_future(
        of(second).line.listen(is_only=False, on_topic=heard.put_nowait)
    )
    async with asyncio.timeout(20):
        await first.inventory.commit([PutExtension(extension=extension(1001))], [])
        assert await heard.get() == "log"
        first.journal.record(attempt(1))
        await first.journal.flush()
        assert await heard.get() == "journal"
        await of(first).leases.give_up(LEAD)
        assert await heard.get() == "lead"
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_an_engine_that_can_be_only_once_has_its_place_alone(
    stores: tuple[Store, Store],
) -> None:
    first, second = (of(store).line for store in stores)
    await first.open(is_only=True)
    with pytest.raises(StoreError, match="another offhook is running with this database"):
        await second.open(is_only=True)
    with pytest.raises(StoreError, match="another offhook is running with this database"):
        await second.open(is_only=False)
    await first.close()
    await second.open(is_only=False)
    with pytest.raises(StoreError, match="another offhook"):
        await first.open(is_only=True)
    await first.open(is_only=False)


async def test_another_key_is_refused_before_there_is_any_secret(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with fresh_url(request, "postgresql", tmp_path) as url:
        first = await open_at(url, tmp_path / "one")
        await first.close()
        with pytest.raises(StoreError, match="is missing"):
            await open_at(url, tmp_path / "two")
        other = tmp_path / "two" / "data" / "secret.key"
        other.parent.mkdir(parents=True)
        other.write_bytes((tmp_path / "one" / "data" / "secret.key").read_bytes())
        await (await open_at(url, tmp_path / "two")).close()
        other.write_text("A" * 43 + "=\n", encoding="ascii")
        with pytest.raises(StoreError, match="does not fit the database"):
            await open_at(url, tmp_path / "two")
