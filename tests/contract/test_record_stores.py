"""One suite over reboots, tokens, registrations and uploads, for every supported database."""

from __future__ import annotations

import dataclasses

from sqlalchemy import Connection, select

from offhook.actions.ports import (
    DeleteDevice,
    PutDevice,
    Write,
)
from offhook.core.model import (
    RebootStep,
    Token,
)
from offhook.store import tables
from offhook.store.open import Store
from offhook.store.uploads import (
    DEVICE_BYTES,
    FILE_BYTES,
    FILES_A_DEVICE,
    SqlUploadStore,
)
from offhook.store.upsert import ROWS_AT_ONCE
from tests.store_records import (
    T0,
    binding,
    device,
    later,
    mac,
    reboot,
)


async def commit(store: Store, *writes: Write) -> None:
    await store.inventory.commit(writes, [])


async def test_reboot_is_replaced_as_it_goes_on(store: Store) -> None:
    await store.reboots.put_reboots([reboot()])
    assert await store.reboots.get_reboot("a") == reboot()
    gone_on = reboot(
        step=RebootStep.FETCHED,
        steps={RebootStep.NOTIFIED: later(1), RebootStep.FETCHED: later(9.5)},
        sip_code=200,
        sip_reason="OK",
        was_challenged=True,
        fault="P603",
        detail="x",
    )
    await store.reboots.put_reboots([gone_on])
    assert await store.reboots.get_reboot("a") == gone_on
    assert await store.reboots.get_reboot("b") is None


async def test_reboots_are_listed_newest_first(store: Store) -> None:
    await store.reboots.put_reboots([reboot("a", asked_at=later(1))])
    await store.reboots.put_reboots([reboot("b", asked_at=later(3), mac=None, extension="1002")])
    await store.reboots.put_reboots([reboot("c", asked_at=later(2))])

    async def ids(*args: object, **by: object) -> list[str]:
        return [found.id for found in await store.reboots.list_reboots(*args, **by)]  # type: ignore[arg-type] # passed on

    assert await ids(10) == ["b", "c", "a"]
    assert await ids(2) == ["b", "c"]
    assert await ids(10, mac=mac(1)) == ["c", "a"]
    assert await ids(10, extension="1002") == ["b"]
    assert await ids(10, mac=mac(1), extension="1002") == []


async def test_tokens_are_kept_by_name(store: Store) -> None:
    one = Token(name="backup 'x'", digest="ab" * 32, created_at=T0)
    two = Token(name="a", digest="cd" * 32, created_at=later(1), last_used_at=later(2))
    await store.tokens.put_token(one)
    await store.tokens.put_token(two)
    used = dataclasses.replace(one, last_used_at=later(9))
    await store.tokens.put_token(used)
    assert await store.tokens.list_tokens() == [two, used]
    assert await store.tokens.delete_token("a")
    assert not await store.tokens.delete_token("a")
    assert await store.tokens.list_tokens() == [used]


async def test_use_of_a_token_is_noted_but_brings_none_back(store: Store) -> None:
    one = Token(name="a", digest="ab" * 32, created_at=T0)
    await store.tokens.put_token(one)
    await store.tokens.note_token_used(one.digest, later(5))
    assert await store.tokens.list_tokens() == [dataclasses.replace(one, last_used_at=later(5))]
    await store.tokens.delete_token("a")
    await store.tokens.note_token_used(one.digest, later(6))
    assert await store.tokens.list_tokens() == []


async def test_bindings_of_an_extension_are_replaced(store: Store) -> None:
    first = binding(
        1001,
        "sip:a@192.0.2.5",
        note=mac(1).plain,
        path=("<sip:proxy;lr>", "<sip:b;lr>"),
        instance="<urn:uuid:1>",
        q=0.7,
        user_agent="Yealink",
    )
    second = binding(1001, "sip:b@192.0.2.6")
    other = binding(1002, "sip:c@192.0.2.7", source="tcp:[2001:db8::1]:5060")
    saved = store.registrations
    await saved.save_bindings({"1001": [first, second], "1002": [other]})
    assert await store.registrations.load_bindings() == [first, second, other]
    await saved.save_bindings({"1001": [second]})
    assert await store.registrations.load_bindings() == [second, other]
    await saved.save_bindings({"1001": [], "1003": []})
    await saved.save_bindings({})
    assert await store.registrations.load_bindings() == [other]


async def test_more_registrations_than_one_statement_takes_are_replaced_whole(
    store: Store,
) -> None:
    numbers = range(1001, 1001 + 5 * ROWS_AT_ONCE + 7)
    first = {str(it): [binding(it, f"sip:a@192.0.2.{it % 200}")] for it in numbers}
    again = {key: [dataclasses.replace(of[0], cseq=2**31)] for key, of in first.items()}
    await store.registrations.save_bindings(first)
    await store.registrations.save_bindings(again)
    assert await store.registrations.load_bindings() == [of[0] for of in again.values()]


async def test_upload_is_given_back_byte_for_byte(store: Store) -> None:
    body = bytes(range(256)) * 3
    assert await store.uploads.put_upload(mac(1), "a'b.log", b"older", T0)
    assert await store.uploads.put_upload(mac(1), "a'b.log", body, later(1))
    assert await store.uploads.get_upload(mac(1), "a'b.log") == body
    assert await store.uploads.get_upload(mac(2), "a'b.log") is None
    assert await store.uploads.list_uploads(mac(1)) == [("a'b.log", len(body), later(1))]


async def test_upload_larger_than_allowed_is_refused(store: Store) -> None:
    put = store.uploads.put_upload
    assert await put(mac(1), "fits.log", bytes(FILE_BYTES), T0)
    assert not await put(mac(1), "large.log", bytes(FILE_BYTES + 1), T0)
    assert not await put(mac(1), "x" * 256, b"", T0)
    assert [name for name, _, _ in await store.uploads.list_uploads(mac(1))] == ["fits.log"]


async def test_oldest_uploads_of_a_device_go_first(store: Store) -> None:
    for number in range(FILES_A_DEVICE + 2):
        await store.uploads.put_upload(mac(1), f"{number}.log", b"x", later(number))
    await store.uploads.put_upload(mac(2), "other.log", b"x", T0)
    names = [name for name, _, _ in await store.uploads.list_uploads(mac(1))]
    assert names == [f"{number}.log" for number in range(FILES_A_DEVICE + 1, 1, -1)]
    assert len(await store.uploads.list_uploads(mac(2))) == 1


async def test_uploads_of_a_device_stay_within_its_room(store: Store) -> None:
    fitting = DEVICE_BYTES // FILE_BYTES
    for number in range(fitting + 1):
        await store.uploads.put_upload(mac(1), str(number), bytes(FILE_BYTES), later(number))
    kept = await store.uploads.list_uploads(mac(1))
    assert [name for name, _, _ in kept] == [str(number) for number in range(fitting, 0, -1)]


async def test_upload_with_a_clock_set_back_is_still_the_one_kept(store: Store) -> None:
    for number in range(FILES_A_DEVICE):
        await store.uploads.put_upload(mac(1), f"{number}.log", b"x", later(number))
    await store.uploads.put_upload(mac(1), "now.log", b"new", later(-3600))
    assert await store.uploads.get_upload(mac(1), "now.log") == b"new"
    assert await store.uploads.get_upload(mac(1), "0.log") is None


async def test_all_uploads_together_stay_within_the_total(store: Store) -> None:
    uploads = SqlUploadStore(store.database, total_bytes=1000)
    for number in range(30):
        await uploads.put_upload(mac(number), "boot.log", bytes(90), later(number))

    def stored(connection: Connection) -> list[str]:
        column = tables.uploads.c.mac
        return list(connection.execute(select(column).order_by(column)).scalars())

    assert await store.database.run(stored) == [mac(number).plain for number in range(19, 30)]


async def test_deleted_devices_make_room_for_uploads(store: Store) -> None:
    uploads = SqlUploadStore(store.database, total_bytes=1000)
    await commit(store, PutDevice(device=device(1)))
    await uploads.put_upload(mac(2), "oldest.log", bytes(400), T0)
    await uploads.put_upload(mac(1), "boot.log", bytes(500), later(1))
    await commit(store, DeleteDevice(mac=mac(1)))
    await uploads.put_upload(mac(3), "boot.log", bytes(500), later(2))
    assert await uploads.get_upload(mac(2), "oldest.log") == bytes(400)
