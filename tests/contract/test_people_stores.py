"""One suite over admins, their sessions, links of people and reports, for every database."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

from offhook.actions.directory_ports import SyncReport
from offhook.actions.ports import PutLink
from offhook.core.directory import Link, LinkState
from offhook.core.people import Admin, SignIn
from offhook.core.secret import Secret
from offhook.store.open import Store
from tests.store_records import T0, later, mac

ADA = Admin(name="ada", password_hash=Secret("$argon2id$v=19$m=1"), created_at=T0)
LINK = Link(
    source="ad",
    guid="0f1e2d3c-0000-0000-0000-000000000001",
    number="1001",
    state=next(iter(LinkState)),
    login="ada",
    dn="CN=Zoë \\, O'Neil,DC=example",
    name="Zoë",
    since=T0,
    overrides=frozenset({"name"}),
    reserved={"1000": later(60)},
)


def sign_in(text: str, **other: object) -> SignIn:
    made = SignIn(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        admin="ada",
        address="192.0.2.5",
        began_at=T0,
        expires_at=later(60),
    )
    return replace(made, **other)  # type: ignore[arg-type] # any of its fields


def report(number: int) -> SyncReport:
    return SyncReport(
        id=f"r{number}",
        source="ad",
        started_at=T0 + timedelta(hours=number),
        seconds=1.5,
        asked_by="schedule",
        status="partial",
        is_dry_run=False,
        counts={"rename": 1},
        changes=[{"login": "zoë", "fields": [{"field": "name", "old": "a\x00b", "new": None}]}],
        warnings=["odd"],
    )


async def test_admins_are_kept_by_name_with_their_newest_password(store: Store) -> None:
    bob = replace(ADA, name="bob")
    newer = replace(ADA, password_hash=Secret("$argon2id$v=19$m=2"))
    for admin in (bob, ADA, newer):
        await store.admins.put_admin(admin)
    assert await store.admins.list_admins() == [newer, bob]
    assert await store.admins.delete_admin("ada")
    assert not await store.admins.delete_admin("ada")
    assert await store.admins.list_admins() == [bob]


async def test_sessions_end_singly_by_admin_and_by_time(store: Store) -> None:
    for admin in (ADA, replace(ADA, name="bob")):
        await store.admins.put_admin(admin)
    first, second = sign_in("first"), sign_in("second")
    other = sign_in("other", admin="bob")
    for item in (first, second, other):
        await store.admins.put_sign_in(item)
    assert await store.admins.get_sign_in(first.digest) == first
    await store.admins.delete_sign_ins(digest=first.digest)
    assert await store.admins.get_sign_in(first.digest) is None
    await store.admins.delete_sign_ins(admin="ada")
    assert await store.admins.get_sign_in(second.digest) is None
    assert await store.admins.get_sign_in(other.digest) == other
    late = sign_in("late", began_at=later(61), expires_at=later(120))
    await store.admins.put_sign_in(late)
    assert await store.admins.get_sign_in(other.digest) is None
    assert await store.admins.get_sign_in(late.digest) == late


async def test_sessions_go_with_their_admin(store: Store) -> None:
    await store.admins.put_admin(ADA)
    await store.admins.put_sign_in(sign_in("first"))
    await store.admins.delete_admin("ada")
    assert await store.admins.get_sign_in(sign_in("first").digest) is None


async def test_links_are_replaced_by_source_and_guid(store: Store) -> None:
    newer = replace(LINK, number="1002", overrides=frozenset(), reserved={"1001": later(5)})
    other = replace(LINK, guid=LINK.guid[:-1] + "2", seen_from="here", is_ignored_by_hand=True)
    for link in (LINK, other, newer):
        await store.inventory.commit([PutLink(link=link)], [])
    found = await store.links.load_links()
    assert sorted(found, key=lambda link: link.guid) == [newer, other]


async def test_reports_are_listed_newest_first_and_the_oldest_go(store: Store) -> None:
    for number in range(5):
        await store.links.put_report(report(number), keep=3)
    found = await store.links.list_reports(10)
    assert [item.id for item in found] == ["r4", "r3", "r2"]
    kept = await store.links.get_report("r4")
    assert kept is not None
    assert (kept.counts, kept.status, kept.seconds) == ({"rename": 1}, "partial", 1.5)
    assert await store.links.get_report("r0") is None


async def test_names_of_uploads_are_given_for_any_number_of_devices(store: Store) -> None:
    many = [mac(number) for number in range(3000)]
    for number, name in ((2999, "b.cfg"), (7, "z.cfg"), (7, "a.cfg"), (5000, "not asked.cfg")):
        assert await store.uploads.put_upload(mac(number), name, b"x", T0)
    assert await store.uploads.names_of(many) == [
        (mac(7), "a.cfg", T0),
        (mac(7), "z.cfg", T0),
        (mac(2999), "b.cfg", T0),
    ]
    assert await store.uploads.names_of([]) == []
