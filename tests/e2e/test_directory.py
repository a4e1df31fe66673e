"""A real Active Directory of 1,000 people: names flow to extensions and to the right screens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offhook.core.mac import Mac
from offhook.simulator.virtual_phone import VirtualPhone
from offhook.vendors import load_profiles
from tests.e2e.server import Server, wait_for
from tests.integration.ad import FilledDomain

pytestmark = pytest.mark.needs("samba")
YEALINK = next(profile for profile in load_profiles() if profile.name == "yealink")
SYNC = "/api/integrations/ad/sync"


@pytest.fixture
def domain(own_domain: FilledDomain) -> FilledDomain:
    return own_domain


@pytest.fixture
def office(domain: FilledDomain, tmp_path: Path) -> Iterator[Server]:
    """A server that reads the domain."""
    folder = tmp_path / "pbx"
    folder.mkdir()
    (folder / "ad-password").write_text(domain.env["AD_BIND_PW"], encoding="utf-8")
    server = Server(folder)
    with server.config.open("a", encoding="utf-8") as config:
        config.write(
            "integrations:\n  active_directory:\n    enabled: true\n"
            f"    servers: [{domain.env['AD_LDAPS_URL']}]\n"
            f"    ca_file: {domain.env['AD_CA_FILE']}\n"
            f"    bind_dn: {domain.env['AD_BIND_DN']}\n"
            "    bind_password_file: ad-password\n"
            f'    base_dn: ["{domain.company}"]\n'
            "    timeouts: {connect: 2, message: 2, run: 20}\n"
            "    schedule: {every: 0m}\n"
        )
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.stop()


def sync_all(server: Server) -> dict[str, Any]:
    """The first run: refused by the brake on new extensions, then confirmed."""
    refused = server.api("POST", SYNC)
    assert refused["status"] == "refused"
    assert refused["fault"] == "P511"
    assert server.api("GET", "/api/extensions")["total"] == 0
    done = server.api("POST", SYNC, {"confirm": refused["plan_id"]})
    assert done["status"] == "ok", done["error"]
    return dict(done)


def extensions(server: Server) -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = server.api("GET", f"/api/extensions?limit=1000&offset={len(rows)}")
        rows += page["extensions"]
        if len(rows) >= page["total"]:
            return {row["number"]: row for row in rows}


def links(server: Server) -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = server.api("GET", f"/api/integrations/ad/links?limit=1000&offset={len(rows)}")
        rows += page["links"]
        if len(rows) >= page["total"]:
            return {row["guid"]: row for row in rows}


def plain(row: dict[str, Any]) -> bool:
    """An ordinary person with a number nobody else has; the odd ones have tests of their own."""
    return bool(
        not row["sam"].startswith("edge-")
        and row["enabled"]
        and re.fullmatch(r"\d{2,8}", row.get("ipPhone") or "")
    )


async def test_a_renamed_person_reaches_the_screens_of_their_phones(
    domain: FilledDomain, office: Server
) -> None:
    first = await asyncio.to_thread(sync_all, office)
    people = {guid: row for guid, row in domain.people().items() if plain(row)}
    assert len(people) > 500
    found, linked = await asyncio.to_thread(lambda: (extensions(office), links(office)))
    for guid, row in people.items():
        extension = found[row["ipPhone"]]
        assert (extension["name"], extension["email"]) == (
            row["displayName"],
            row.get("mail") or "",
        )
        assert extension["source"] == "ad"
        assert linked[guid]["number"] == row["ipPhone"]
    again = await asyncio.to_thread(office.api, "POST", SYNC)
    assert (again["status"], again["changes"], again["reboots"]) == ("unchanged", [], [])

    churned = await asyncio.to_thread(lambda: domain.churn(rename=9)["renamed"])
    sheet = domain.people()
    renamed = [
        guid
        for guid in churned
        if guid in people and sheet[guid]["displayName"] != people[guid]["displayName"]
    ]
    assert len(renamed) >= 5
    others = [guid for guid in people if guid not in churned][:3]
    phones: dict[str, VirtualPhone] = {}
    try:
        for index, guid in enumerate([*renamed, *others]):
            mac = Mac(0x001565000100 + index)
            number = linked[guid]["number"]
            await asyncio.to_thread(office.add_device, mac.plain, number, "yealink", "t46s")
            phone = phones[guid] = VirtualPhone(
                profile=YEALINK,
                model=next(model for model in YEALINK.models if model.name == "t46s"),
                mac=mac,
                base_url=f"{office.url}/provision/",
            )
            assert await phone.boot(), (phone.requests, phone.registrations)
        dry = await asyncio.to_thread(office.api, "POST", f"{SYNC}?dry_run=true")
        assert sorted(dry["would_reboot"]) == sorted(phones[guid].mac.plain for guid in renamed)
        done = await asyncio.to_thread(office.api, "POST", SYNC)
        assert len(done["reboots"]) == len(renamed)
        for guid in renamed:
            phone = phones[guid]
            await phone.until(lambda it: len(it.registrations) >= 2, 20)
            assert phone.account is not None
            expected = sheet[guid]["displayName"]
            assert (phone.account.display_name, phone.account.label) == (expected, expected)
        assert [len(phones[guid].notifies) for guid in renamed] == [1] * len(renamed)
        assert [len(phones[guid].notifies) for guid in others] == [0] * 3
        last = await asyncio.to_thread(office.api, "POST", SYNC)
        assert (last["status"], last["reboots"]) == ("unchanged", [])
        assert first["counts"]["create"] >= len(people)
    finally:
        for phone in phones.values():
            await phone.stop()


def test_people_who_leave_are_disabled_and_come_back(domain: FilledDomain, office: Server) -> None:
    sync_all(office)
    before = links(office)
    churned = domain.churn(disable=2, delete=1)
    office.api("POST", SYNC)
    after = links(office)
    for guid in churned["disabled"]:
        if before.get(guid, {}).get("number"):
            assert after[guid]["state"] == "disabled"
            assert after[guid]["number"] == before[guid]["number"]
    for guid in churned["deleted"]:
        if before.get(guid, {}).get("number"):
            assert after[guid]["state"] == "missing"
            assert after[guid]["number"] in extensions(office)
    returned = domain.churn(undelete=99)
    office.api("POST", SYNC)
    for guid in returned["undeleted"]:
        if before.get(guid, {}).get("number"):
            assert links(office)[guid]["state"] == "active"


def test_a_directory_that_is_down_is_an_error_and_changes_nothing(
    domain: FilledDomain, office: Server
) -> None:
    sync_all(office)
    before = (extensions(office), links(office))
    with domain.frozen():
        status, text = office.call("POST", SYNC)
        assert status == 502
        assert '"P501"' in text
    domain.change_password("an-other-Passw0rd!")
    status, text = office.call("POST", SYNC)
    assert (status, '"P506"' in text) == (502, True)
    assert "an-other" not in text
    assert (extensions(office), links(office)) == before
    findings = office.api("GET", "/api/provisioning/diagnostics")["findings"]
    assert "P506" in [item["code"] for item in findings]
    domain.change_password(domain.env["AD_BIND_PW"])
    assert office.api("POST", SYNC)["status"] == "unchanged"
    wait_for(lambda: "Directory sync" in office.log(), 5, office.log)
    assert domain.env["AD_BIND_PW"] not in office.log()
