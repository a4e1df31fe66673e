"""Synchronisation from a file of people: hands against directory, brakes, schedule, command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from offhook.directories import Schedule
from offhook.directory_settings import IntegrationSettings
from offhook.directory_settings import Schedule as ScheduleSetting
from tests.integration.running import Running, client, running_pbx

URL = "/api/integrations/file"
PEOPLE = "id,name,number,email\njane,Jane Doe,2001,jane@example.com\njoe,Joe Roe,2002,\n"


@dataclass(frozen=True, slots=True)
class Office:
    """A PBX with a file of people."""

    running: Running
    api: httpx.AsyncClient
    file: Path

    async def sync(self, **body: object) -> dict[str, Any]:
        answer = await self.api.post(f"{URL}/sync", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def extension(self, number: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/api/extensions/{number}")).json())

    async def link(self, login: str) -> dict[str, Any]:
        found = (await self.api.get(f"{URL}/links?q={login}")).json()
        assert found["total"] == 1
        return dict(found["links"][0])

    async def act(self, login: str, action: str, **body: object) -> httpx.Response:
        guid = (await self.link(login))["guid"]
        return await self.api.post(f"{URL}/links/{guid}/{action}", json=body)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    settings = {"integrations__file__enabled": "true", "integrations__file__path": str(file)}
    async with running_pbx(tmp_path, **settings) as running, client(running) as api:
        yield Office(running, api, file)


async def test_a_dry_run_changes_nothing(office: Office) -> None:
    report = await office.sync(dry_run=True)
    assert (report["status"], report["counts"]["create"]) == ("dry_run", 2)
    assert office.running.pbx.state.extensions == {}
    done = await office.sync()
    assert done["plan_id"] == report["plan_id"]
    assert (await office.extension("2001"))["name"] == "Jane Doe"


async def test_a_name_changed_by_hand_is_kept_until_released(office: Office) -> None:
    await office.sync()
    await office.api.patch("/api/extensions/2001", json={"name": "Dr. Doe"})
    assert (await office.link("jane"))["overrides"] == ["name"]
    office.file.write_text(PEOPLE.replace("Jane Doe", "Jane Roe"), encoding="utf-8")
    await office.sync()
    assert (await office.extension("2001"))["name"] == "Dr. Doe"
    assert (await office.act("jane", "release")).status_code == 200
    await office.sync()
    assert (await office.extension("2001"))["name"] == "Jane Roe"


async def test_a_deleted_extension_comes_back_only_when_relinked(office: Office) -> None:
    await office.sync()
    assert (await office.api.delete("/api/extensions/2002")).status_code == 200
    await office.sync()
    assert "2002" not in office.running.pbx.state.extensions
    assert (await office.act("joe", "relink")).json()["is_ignored_by_hand"] is False
    await office.sync()
    assert (await office.extension("2002"))["name"] == "Joe Roe"


async def test_an_ignored_person_is_left_alone(office: Office) -> None:
    await office.sync()
    assert (await office.act("jane", "ignore")).json()["is_ignored_by_hand"] is True
    office.file.write_text(PEOPLE.replace("Jane Doe", "Jane Roe"), encoding="utf-8")
    assert (await office.sync())["status"] == "unchanged"


async def test_unusable_actions_on_links_are_refused(office: Office) -> None:
    await office.sync()
    assert (await office.act("jane", "explode")).status_code == 404
    assert (await office.act("jane", "override", fields=["secret"])).status_code == 400
    missing = await office.api.post(f"{URL}/links/nobody/release")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "unknown_link")


async def test_a_brake_needs_the_plan_that_is_due(office: Office) -> None:
    rows = "".join(f"p{n},Person {n},{3000 + n},\n" for n in range(60))
    office.file.write_text("id,name,number,email\n" + rows, encoding="utf-8")
    refused = await office.sync()
    assert (refused["status"], refused["success"]) == ("refused", False)
    assert refused["brakes"][0]["name"] == "max_create"
    assert office.running.pbx.state.extensions == {}
    other = await office.api.post(f"{URL}/sync", json={"confirm": "0" * 16})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "plan_changed")
    done = await office.sync(confirm=refused["plan_id"])
    assert (done["status"], len(done["changes"])) == ("ok", 60)
    office.file.write_text("id,name,number,email\n", encoding="utf-8")
    empty = await office.api.post(f"{URL}/sync")
    assert empty.status_code in (200, 502)
    assert empty.status_code == 502 or empty.json()["status"] == "refused"
    assert len(office.running.pbx.state.extensions) == 60


async def test_only_one_run_at_a_time(office: Office) -> None:
    answers = await asyncio.gather(*(office.api.post(f"{URL}/sync") for _ in range(4)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert set(codes) <= {200, 409}
    sync = office.running.pbx.syncs["file"]
    assert sync.running is None


async def test_reports_are_kept_and_shown(office: Office) -> None:
    first = await office.sync()
    listed = (await office.api.get(f"{URL}/reports")).json()["reports"]
    assert [item["id"] for item in listed] == [first["id"]]
    assert (await office.api.get(f"{URL}/reports/{first['id']}")).json()["status"] == "ok"
    assert (await office.api.get(f"{URL}/reports/none")).status_code == 404
    status = (await office.api.get(f"{URL}/status")).json()
    assert (status["enabled"], status["links"]) == (True, {"active": 2})


async def test_a_source_that_is_not_set_up_says_how(office: Office) -> None:
    answer = await office.api.post("/api/integrations/ad/sync")
    assert answer.status_code == 409
    assert "integrations.active_directory" in answer.json()["error"]["message"]
    status = (await office.api.get("/api/integrations/ad/status")).json()
    assert status["enabled"] is False


async def test_the_schedule_begins_only_after_a_run_was_asked_for(office: Office) -> None:
    pbx = office.running.pbx
    often = ScheduleSetting(every="1s", jitter="0s")
    settings = IntegrationSettings()
    plan = settings.file.model_copy(update={"schedule": often})
    schedule = Schedule(
        pbx.syncs, settings.model_copy(update={"file": plan}), pbx.store.links, pbx.now
    )
    await schedule.tick()
    assert await pbx.store.links.list_reports(10) == []
    await office.sync()
    async with asyncio.timeout(20):
        while len(await pbx.store.links.list_reports(10)) < 2:
            await schedule.tick()
            await asyncio.sleep(0.1)
    newest = (await pbx.store.links.list_reports(1))[0]
    assert newest.asked_by == "schedule"
