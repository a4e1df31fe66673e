"""Phones of every maker boot, register, obey NOTIFY and fetch again; and a real one, baresip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offhook.core.mac import Mac
from offhook.core.vendor import VendorProfile
from offhook.simulator.virtual_phone import VirtualPhone
from offhook.vendors import load_profiles
from tests.e2e.server import Server, running, wait_for
from tests.integration.phones import Baresip

PROFILES = load_profiles()
each_maker = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
HARD_NAMES = [
    'A & B <x> "q"',
    "Zoë O'Neil",
    "{{ secret }}",
    "שלום עולם",
    "%s -- ]]> --> # = ; \\",
]


def phone(server: Server, profile: VendorProfile, mac: int, model: int = 0) -> VirtualPhone:
    return VirtualPhone(
        profile=profile,
        model=profile.models[model],
        mac=Mac(mac),
        base_url=f"{server.url}/provision/",
    )


async def asked(call: Callable[..., Any], *arguments: object) -> Any:
    """Run a blocking call beside the phones, which live in this loop."""
    return await asyncio.to_thread(call, *arguments)


async def until_step(server: Server, reboot_id: str, *steps: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        record = server.api("GET", f"/api/reboots/{reboot_id}")
        return dict(record) if record["step"] in steps else None

    return dict(await asked(wait_for, reached, 20, server.log))


@each_maker
async def test_a_phone_boots_registers_and_obeys(server: Server, profile: VendorProfile) -> None:
    await asked(server.add, "1001", "John Smith")
    mac = int(min(profile.ouis) + "123456", 16)
    first = await asked(
        server.add_device, Mac(mac).colons, "1001", profile.name, profile.models[0].name
    )
    assert first["reboot_triggered"] is False
    desk = phone(server, profile, mac)
    try:
        assert await desk.boot(), (desk.requests, desk.registrations)
        assert desk.account is not None
        assert desk.account.display_name == "John Smith"
        assert desk.account.label == "John Smith"

        renamed = await asked(server.api, "PATCH", "/api/extensions/1001", {"name": "Jane Doe"})
        (reboot,) = renamed["reboots"]
        await desk.until(lambda it: len(it.registrations) >= 2, 20)
        record = await until_step(server, reboot["id"], "registered")
        assert desk.account.display_name == "Jane Doe"
        assert desk.account.label == "Jane Doe"
        assert record["was_challenged"] is profile.behaviour.challenges_notify
        device = await asked(server.api, "GET", f"/api/provisioning/devices/{Mac(mac)}")
        assert device["device"]["in_step"] is True
        assert device["device"]["registered"] is True

        again = await asked(
            server.add_device, Mac(mac).plain, "1001", profile.name, profile.models[0].name
        )
        assert again["reboot_triggered"] is True
        assert again["message"] == "Device registered and phone reboot triggered automatically"
        await desk.until(lambda it: len(it.registrations) >= 3, 20)
        findings = await asked(server.api, "GET", "/api/provisioning/diagnostics")
        named = [item for item in findings["findings"] if item["stage"] != "setup"]
        assert named == [], "a phone that behaves well gets no finding"
    finally:
        await desk.stop()


async def test_renaming_wakes_the_phones_of_that_extension_and_no_other(server: Server) -> None:
    by_name = {profile.name: profile for profile in PROFILES}
    await asked(server.add, "1001", "John Smith")
    await asked(server.add, "1002", "Somebody Else")
    plan = [("yealink", "1001"), ("polycom", "1001"), ("yealink", "1002"), ("grandstream", "1002")]
    phones = []
    try:
        for index, (vendor, number) in enumerate(plan):
            mac = Mac(0x0202020200 + index + 0x020000000000)
            model = by_name[vendor].models[0].name
            await asked(server.add_device, mac.plain, number, vendor, model)
            desk = phone(server, by_name[vendor], mac.value)
            phones.append(desk)
            assert await desk.boot(), (desk.requests, desk.registrations)
        before = [len(desk.requests) for desk in phones]
        for name in HARD_NAMES:
            done = await asked(server.api, "PATCH", "/api/extensions/1001", {"name": name})
            assert len(done["reboots"]) == 2
            for reboot in done["reboots"]:
                await until_step(server, reboot["id"], "registered")
            for desk in phones[:2]:
                assert desk.account is not None
                assert (desk.account.display_name, desk.account.label) == (name, name)
        assert [len(desk.notifies) for desk in phones[2:]] == [0, 0]
        assert [len(desk.requests) for desk in phones[2:]] == before[2:]
    finally:
        for desk in phones:
            await desk.stop()


async def test_a_phone_that_died_silently_is_reported_unanswered(tmp_path: Path) -> None:
    with running(tmp_path, answer_timeout_s=1) as server:
        profile = next(item for item in PROFILES if item.name == "yealink")
        await asked(server.add, "1001", "John Smith")
        await asked(server.add_device, "001565123456", "1001", "yealink", "t46s")
        desk = VirtualPhone(
            profile=profile,
            model=next(model for model in profile.models if model.name == "t46s"),
            mac=Mac(0x001565123456),
            base_url=f"{server.url}/provision/",
        )
        assert await desk.boot()
        desk.die()
        answer = await asked(server.api, "POST", "/api/phones/1001/reboot")
        (reboot,) = answer["reboots"]
        record = await until_step(server, reboot["id"], "unanswered")
        assert record["fault"] == "P601"
        found = await asked(server.api, "GET", "/api/provisioning/diagnostics")
        assert "P601" in [item["code"] for item in found["findings"]]
        await desk.stop()


@pytest.mark.needs("baresip")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_baresip_gets_a_notify_when_its_device_is_added(
    server: Server, tmp_path: Path, transport: str
) -> None:
    await asked(server.add, "1001", "John Smith")
    baresip = Baresip()
    await baresip.start(
        extension="1001",
        secret=await asked(server.secret, "1001"),
        server_port=server.sip_port,
        transport=transport,
        directory=tmp_path / "baresip",
    )
    try:
        await asked(wait_for, lambda: server.api("GET", "/api/status")["registered"], 20)
        added = await asked(server.add_device, "00:15:65:12:34:56", "1001", "yealink", "t46s")
        assert added["reboot_triggered"] is True
        assert added["message"] == "Device registered and phone reboot triggered automatically"
        (reboot,) = added["reboots"]
        # baresip knows no check-sync: 481 says that it read the NOTIFY and has no subscription.
        record = await until_step(server, reboot["id"], "refused")
        assert record["sip_code"] == 481
        assert record["fault"] == "P603"
    finally:
        await baresip.stop()


async def test_bad_names_are_refused_with_a_clear_message(server: Server) -> None:
    for name, word in [
        ("two\nlines", "U+000A"),
        ("x" * 300, "300"),
        ("", "empty"),
        ("a\0b", "cannot be stored"),
    ]:
        status, text = await asked(
            server.call, "POST", "/api/extensions", {"number": "1009", "name": name}
        )
        assert status == 400
        assert "name" in text
        assert word in text
    assert (await asked(server.api, "GET", "/api/extensions"))["total"] == 0
