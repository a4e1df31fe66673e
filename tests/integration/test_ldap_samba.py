"""Reading a real Active Directory: everybody, exactly as the answer sheet says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offhook.actions.directory_ports import DirectoryError
from offhook.core.directory import DirectoryEntry, DirectoryRead
from offhook.core.secret import Secret
from offhook.directory.ldap import LdapDirectory
from offhook.directory.ldap_settings import LdapGroups, LdapSettings
from tests.integration.ad import FilledDomain

pytestmark = pytest.mark.needs("samba", "samba-tool", "ldapsearch")

FIELDS = (
    "displayName",
    "givenName",
    "sn",
    "mail",
    "department",
    "title",
    "ipPhone",
    "telephoneNumber",
    "otherIpPhone",
)
GUID_OF_NOBODY = "00000000-1111-4222-8333-444444444444"


async def read(settings: LdapSettings) -> DirectoryRead:
    return await LdapDirectory(settings).read(lambda _what, _count: None)


async def logins(settings: LdapSettings) -> set[str]:
    entries = (await read(settings)).entries
    return {entry.values["samaccountname"][0].decode() for entry in entries}


def expected_values(row: dict[str, Any]) -> dict[str, tuple[bytes, ...]]:
    rows = {name.lower(): row[name] for name in FIELDS if name in row}
    rows["samaccountname"] = row["sam"]
    return {
        name: tuple(text.encode() for text in (value if isinstance(value, list) else [value]))
        for name, value in rows.items()
    }


def shown_values(entry: DirectoryEntry) -> dict[str, tuple[bytes, ...]]:
    return {name: tuple(sorted(values)) for name, values in entry.values.items()}


async def test_reads_everybody_as_the_answer_sheet_says(filled_domain: FilledDomain) -> None:
    settings = filled_domain.settings(attributes=("sAMAccountName", *FIELDS))
    answer = await read(settings)
    people = filled_domain.people()
    assert {entry.guid for entry in answer.entries} == set(people)
    for entry in answer.entries:
        row = people[entry.guid]
        assert entry.dn == row["dn"]
        assert shown_values(entry) == expected_values(row)
        assert entry.is_enabled == (row["enabled"] and row["sam"] != "edge-expired")


async def test_names_the_server_and_its_database(filled_domain: FilledDomain) -> None:
    first, second = await read(filled_domain.settings()), await read(filled_domain.settings())
    assert first.server == filled_domain.env["AD_LDAPS_URL"]
    assert len(first.invocation_id) == 36
    assert (first.invocation_id, first.highest_usn) == (second.invocation_id, second.highest_usn)
    assert first.highest_usn > 1000
    assert first.warnings == ()


@pytest.mark.parametrize("page_size", [1, 7, 500, 1000])
async def test_page_size_does_not_matter(filled_domain: FilledDomain, page_size: int) -> None:
    base = f"OU=Leavers,{filled_domain.company}" if page_size == 1 else filled_domain.company
    settings = filled_domain.settings(page_size=page_size, base_dn=(base,))
    suffix = f",{base}".lower()
    here = {
        guid for guid, row in filled_domain.people().items() if row["dn"].lower().endswith(suffix)
    }
    assert {entry.guid for entry in (await read(settings)).entries} == here


async def test_whole_domain_without_a_base(filled_domain: FilledDomain) -> None:
    found = await logins(filled_domain.settings(base_dn=()))
    people = {row["sam"] for row in filled_domain.people().values()}
    assert found - people == {"svc-pbx", *(f"svc-app{number}" for number in range(5))}
    assert people <= found


async def test_several_bases_are_read(filled_domain: FilledDomain) -> None:
    bases = tuple(f"OU={name},{filled_domain.company}" for name in ("Sales", "Leavers"))
    found = await read(filled_domain.settings(base_dn=bases))
    people = filled_domain.people().values()
    assert len(found.entries) == sum(row["dn"].endswith(bases) for row in people)


async def test_filter_narrows(filled_domain: FilledDomain) -> None:
    settings = filled_domain.settings(user_filter="(| (sn=O'Brien) (displayName=Doe, *) )")
    expected = {
        row["sam"]
        for row in filled_domain.people().values()
        if row.get("sn") == "O'Brien" or row.get("displayName", "").startswith("Doe, ")
    }
    assert await logins(settings) == expected


async def test_progress_is_told_on_the_loop(filled_domain: FilledDomain) -> None:
    told: list[tuple[str, int]] = []

    def tell(what: str, count: int) -> None:
        asyncio.get_running_loop()
        told.append((what, count))

    answer = await LdapDirectory(filled_domain.settings(page_size=200)).read(tell)
    counts = [count for what, count in told if what == "people"]
    assert counts == sorted(counts)
    assert counts[-1] == len(answer.entries)
    assert len(counts) >= 5


async def test_start_tls_reads_the_same(filled_domain: FilledDomain) -> None:
    plain = await read(filled_domain.settings())
    settings = filled_domain.settings(servers=(filled_domain.env["AD_URL"],), start_tls=True)
    secured = await read(settings)
    assert secured.entries == plain.entries
    assert secured.server == filled_domain.env["AD_URL"]


async def test_unchecked_certificate_is_said_loudly(filled_domain: FilledDomain) -> None:
    answer = await read(filled_domain.settings(verify="none", ca_file=""))
    assert len(answer.entries) == len(filled_domain.people())
    assert "not checked" in answer.warnings[0]


async def test_certificate_that_ends_soon_is_said(filled_domain: FilledDomain) -> None:
    directory = LdapDirectory(
        filled_domain.settings(), now=lambda: datetime.now(UTC) + timedelta(days=790)
    )
    answer = await directory.read(lambda _what, _count: None)
    assert answer.certificate_ends is not None
    assert answer.warnings == (
        f"the certificate of {answer.server} ends on {answer.certificate_ends:%Y-%m-%d}",
    )


async def test_second_server_answers_for_a_dead_one(filled_domain: FilledDomain) -> None:
    dead = "ldaps://127.0.0.1:1"
    settings = filled_domain.settings(servers=(dead, filled_domain.env["AD_LDAPS_URL"]))
    answer = await read(settings)
    assert len(answer.entries) == len(filled_domain.people())
    assert answer.warnings == (
        "directory server ldaps://127.0.0.1:1 cannot be reached: connection refused",
    )


async def test_connection_test_counts_and_shows_five(filled_domain: FilledDomain) -> None:
    found = await LdapDirectory(filled_domain.settings()).test()
    names = {row["sam"]: row.get("displayName", "") for row in filled_domain.people().values()}
    assert found.count == len(names)
    assert found.base_dn == (filled_domain.company,)
    assert len(found.people) == 5
    assert all(names[login] == name for login, name in found.people)
    assert found.certificate_ends is not None
    assert timedelta(days=798) < found.certificate_ends - datetime.now(UTC) < timedelta(days=801)


async def test_absent_people_are_out_of_scope_or_gone(filled_domain: FilledDomain) -> None:
    sheet = filled_domain.sheet()
    moved = next(guid for guid, row in sheet["users"].items() if row["sam"] == "edge-moved")
    deleted = next(iter(sheet["deleted"]))
    settings = filled_domain.settings(base_dn=(f"OU=Berlin,{filled_domain.company}",))
    answer = await LdapDirectory(settings).still_there([moved, deleted, GUID_OF_NOBODY])
    assert answer == {moved: True, deleted: False, GUID_OF_NOBODY: False}


NEST = {
    "PBX-Users": ["PBX-Sales", "PBX-Support", "PBX-Berlin"],
    "PBX-Support": ["PBX-Support-L2"],
    "PBX-Support-L2": ["PBX-Support-L3"],
    "PBX-Loop-A": ["PBX-Loop-B"],
    "PBX-Loop-B": ["PBX-Loop-A"],
}


def members(domain: FilledDomain, group: str, *, is_nested: bool = True) -> set[str]:
    groups, waiting = {group}, [group] if is_nested else []
    while waiting:
        new = set(NEST.get(waiting.pop(), ())) - groups
        groups |= new
        waiting += new
    return {row["sam"] for row in domain.people().values() if groups & set(row["groups"])}


@pytest.mark.parametrize(
    "group", ["PBX-Users", "PBX-Support", "PBX-Support-L3", "PBX-Loop-A", "PBX-Everybody"]
)
async def test_nested_groups_are_closed_over(filled_domain: FilledDomain, group: str) -> None:
    groups = LdapGroups(include=(filled_domain.group(group),))
    assert await logins(filled_domain.settings(groups=groups)) == members(filled_domain, group)


async def test_direct_members_only_when_asked(filled_domain: FilledDomain) -> None:
    group = "PBX-Support"
    groups = LdapGroups(include=(filled_domain.group(group),), is_nested=False)
    expected = members(filled_domain, group, is_nested=False)
    assert await logins(filled_domain.settings(groups=groups)) == expected
    assert expected < members(filled_domain, group)


async def test_excluded_members_are_left_out(filled_domain: FilledDomain) -> None:
    groups = LdapGroups(
        include=(filled_domain.group("PBX-Sales"), filled_domain.group("pbx-berlin")),
        exclude=(filled_domain.group("PBX-Exclude"),),
    )
    expected = members(filled_domain, "PBX-Sales") | members(filled_domain, "PBX-Berlin")
    assert "edge-exclude" in expected
    found = await logins(filled_domain.settings(groups=groups))
    assert found == expected - {"edge-exclude"}


async def test_primary_group_counts_as_membership(filled_domain: FilledDomain) -> None:
    group = f"CN=Domain Users,CN=Users,{filled_domain.base}"
    found = await read(filled_domain.settings(groups=LdapGroups(include=(group,))))
    assert len(found.entries) == len(filled_domain.people())


async def test_group_above_the_range_limit_is_read_whole(filled_domain: FilledDomain) -> None:
    groups = LdapGroups(include=(filled_domain.group("PBX-Everybody"),))
    async with filled_domain.proxy("valrange=100") as url:
        settings = filled_domain.settings(servers=(url,), groups=groups)
        assert await logins(settings) == members(filled_domain, "PBX-Everybody")


@pytest.mark.parametrize("name", ["CN=Nobody", "OU=Groups"])
async def test_group_that_is_none_is_an_error(filled_domain: FilledDomain, name: str) -> None:
    group = f"{name},{filled_domain.base}"
    with pytest.raises(DirectoryError) as caught:
        await read(filled_domain.settings(groups=LdapGroups(exclude=(group,))))
    assert caught.value.code == "P507"
    assert group in str(caught.value.values["problem"])


async def test_base_that_is_not_there_is_an_error(filled_domain: FilledDomain) -> None:
    base = f"OU=Nowhere,{filled_domain.base}"
    with pytest.raises(DirectoryError) as caught:
        await read(filled_domain.settings(base_dn=(filled_domain.company, base)))
    assert caught.value.code == "P507"
    assert base in str(caught.value.values["problem"])


async def test_too_many_people_are_an_error(filled_domain: FilledDomain) -> None:
    with pytest.raises(DirectoryError) as caught:
        await read(filled_domain.settings(entries_limit=700))
    assert caught.value.values["problem"] == "more than 700 people"


@pytest.mark.parametrize("account", ["svc-pbx", "nobody"])
async def test_refused_bind_is_told_in_words(filled_domain: FilledDomain, account: str) -> None:
    settings = filled_domain.settings(
        bind_dn=f"{account}@corp.example.test", bind_password=Secret("not the password")
    )
    with pytest.raises(DirectoryError) as caught:
        await read(settings)
    assert caught.value.code == "P506"
    assert caught.value.values["reason"] == "wrong password"
    assert "not the password" not in str(caught.value) + repr(caught.value.values)


async def test_refused_bind_is_not_tried_again(filled_domain: FilledDomain) -> None:
    async with filled_domain.proxy("bind=49:775") as url:
        settings = filled_domain.settings(servers=(url, filled_domain.env["AD_LDAPS_URL"]))
        with pytest.raises(DirectoryError) as caught:
            await read(settings)
    assert caught.value.values["reason"] == "account locked out"


async def test_missing_ca_file_is_named(filled_domain: FilledDomain, tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", filled_domain.folder / "seed.json"):
        with pytest.raises(DirectoryError) as caught:
            await read(filled_domain.settings(ca_file=str(path)))
        assert caught.value.code == "P504"
        assert str(path) in str(caught.value.values["problem"])


async def test_changes_are_seen_at_the_next_read(own_domain: FilledDomain) -> None:
    before = await read(own_domain.settings())
    changed = own_domain.churn(
        rename=5, renumber=3, move=2, disable=2, enable=2, delete=2, undelete=1, add=3
    )
    after = await read(own_domain.settings(attributes=("sAMAccountName", *FIELDS)))
    assert after.highest_usn > before.highest_usn
    assert after.invocation_id == before.invocation_id
    people = own_domain.people()
    assert {entry.guid for entry in after.entries} == set(people)
    for entry in after.entries:
        row = people[entry.guid]
        assert shown_values(entry) == expected_values(row)
        assert entry.is_enabled == (row["enabled"] and row["sam"] != "edge-expired")
    assert len(changed["renamed"]) == 5
    gone = set(changed["deleted"])
    assert gone == {entry.guid for entry in before.entries} - set(people)


async def test_password_changed_behind_our_back(own_domain: FilledDomain) -> None:
    directory = LdapDirectory(own_domain.settings())
    await directory.test()
    own_domain.change_password("An0ther-Example-Pw!")
    with pytest.raises(DirectoryError) as caught:
        await directory.test()
    assert (caught.value.code, caught.value.values["reason"]) == ("P506", "wrong password")
    renewed = replace(own_domain.settings(), bind_password=Secret("An0ther-Example-Pw!"))
    assert (await LdapDirectory(renewed).test()).count == len(own_domain.people())
