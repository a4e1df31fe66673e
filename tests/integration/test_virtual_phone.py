"""Simulated phones of every maker against the real PBX: files, account, SIP, NOTIFY."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from offhook.core.events import RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import RebootStep
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.virtual_phone import VirtualPhone
from tests.contract import build
from tests.integration.running import Running, client, running_pbx

# Behind each maker's own block, so that no finding speaks of a foreign one.
LAST = 0x12_34_56


def phone_of(running: Running, profile: VendorProfile, model: Model) -> VirtualPhone:
    mac = Mac(int(min(profile.ouis), 16) << 24 | LAST)
    return VirtualPhone(
        profile=profile, model=model, mac=mac, base_url=f"{running.url}/provision/", timeout_s=5
    )


async def add(api: httpx.AsyncClient, phone: VirtualPhone, number: str, name: str) -> None:
    answer = await api.post("/api/extensions", json={"number": number, "name": name})
    assert answer.status_code == 201, answer.text
    body = {
        "mac_address": phone.mac.colons,
        "extension_number": number,
        "vendor": phone.profile.name,
        "model": phone.model.name,
    }
    answer = await api.post("/api/provisioning/devices", json=body)
    assert answer.status_code == 201, answer.text


@pytest_asyncio.fixture
async def yealink(running: Running, api: httpx.AsyncClient) -> AsyncIterator[VirtualPhone]:
    """A booted phone of extension 1001."""
    profile, model = next(item for item in build.samples() if item[0].name == "yealink")
    phone = phone_of(running, profile, model)
    await add(api, phone, "1001", "Ada")
    assert await phone.boot()
    yield phone
    await phone.stop()


@pytest.mark.parametrize(("profile", "model"), build.samples(), ids=build.label)
async def test_a_phone_of_each_family_boots_registers_and_obeys(
    tmp_path: Path, profile: VendorProfile, model: Model
) -> None:
    async with running_pbx(tmp_path) as running, client(running) as api:
        phone = phone_of(running, profile, model)
        await add(api, phone, "1001", "Zoë O'Neil & <Sons>")
        try:
            assert await phone.boot(), (phone.requests, phone.registrations)
            assert [asked for asked in phone.requests if asked.error] == []
            wanted = [build.file_name(name, model, phone.mac) for name in profile.behaviour.files]
            got = [asked.file for asked in phone.requests]
            assert got == (wanted[: len(got)] if profile.behaviour.stops_at_first else wanted)
            assert phone.account is not None
            assert phone.account.display_name == "Zoë O'Neil & <Sons>"
            first_boot = len(phone.requests)
            told: list[RebootAdvanced] = []
            running.pbx.events.subscribe(
                lambda event: told.append(event) if isinstance(event, RebootAdvanced) else None
            )
            reboot = (await api.post("/api/phones/1001/reboot")).json()
            assert reboot["success_count"] == 1, reboot
            await phone.until(lambda it: len(it.registrations) == 2, 10)
            assert phone.notifies[0].is_obeyed
            assert len(phone.requests) == 2 * first_boot
            assert all(item.is_success for item in phone.registrations)
            newest = told[-1].reboot
            assert newest.step is RebootStep.REGISTERED
            assert newest.was_challenged is profile.behaviour.challenges_notify
        finally:
            await phone.stop()


async def test_an_unchanged_file_is_asked_with_its_tag(yealink: VirtualPhone) -> None:
    served = {asked.file for asked in yealink.requests if asked.status == 200}
    yealink.requests.clear()
    await yealink.fetch_files()
    assert {asked.file for asked in yealink.requests if asked.status == 304} == served
    assert yealink.account is not None


async def test_a_new_name_reaches_the_phone_by_itself(
    yealink: VirtualPhone, api: httpx.AsyncClient
) -> None:
    await api.patch("/api/extensions/1001", json={"name": "Grace"})
    await yealink.until(lambda it: len(it.registrations) == 2, 10)
    assert yealink.account is not None
    assert (yealink.account.display_name, yealink.account.label) == ("Grace", "Grace")


async def test_it_starts_a_new_call_after_each_order(
    yealink: VirtualPhone, running: Running, api: httpx.AsyncClient
) -> None:
    before = running.pbx.engine.registrations("1001")[0].call_id
    await api.post("/api/phones/1001/reboot")
    await yealink.until(lambda it: len(it.registrations) == 2, 10)
    assert running.pbx.engine.registrations("1001")[0].call_id != before


async def test_a_dead_phone_answers_nothing_and_keeps_its_registration(
    yealink: VirtualPhone, running: Running, api: httpx.AsyncClient
) -> None:
    yealink.die()
    answer = (await api.post("/api/phones/1001/reboot")).json()
    assert answer["reboots"][0]["step"] in ("notified", "unanswered")
    await yealink.stop()
    assert len(running.pbx.engine.registrations("1001")) == 1
    assert yealink.notifies == []


async def test_a_stopped_phone_is_unregistered(yealink: VirtualPhone, running: Running) -> None:
    await yealink.stop()
    assert running.pbx.engine.registrations("1001") == ()
    await yealink.stop()


async def test_it_registers_only_where_it_is_allowed(
    yealink: VirtualPhone, running: Running
) -> None:
    other = VirtualPhone(
        profile=yealink.profile,
        model=yealink.model,
        mac=yealink.mac,
        base_url=yealink.base_url,
        is_allowed=lambda address: False,
    )
    assert not await other.boot()
    assert other.account is not None
    assert other.registrations[0].error == "127.0.0.1 is not allowed"
    await other.stop()


async def test_a_phone_nobody_registered_gets_no_account(running: Running) -> None:
    profile, model = build.samples()[0]
    phone = phone_of(running, profile, model)
    assert not await phone.boot()
    assert phone.account is None
    assert phone.registrations == []
    await phone.stop()


async def test_a_placeholder_is_asked_as_it_stands(running: Running) -> None:
    profile, model = build.samples()[0]
    phone = phone_of(running, profile, model)
    assert (await phone.ask("{mac}.cfg")).status == 400
    await phone.stop()


async def test_without_a_server_each_file_says_so(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running:
        phone = phone_of(running, *build.samples()[0])
    assert not await phone.boot()
    assert {asked.status for asked in phone.requests} == {0}
    assert all(asked.error for asked in phone.requests)
