"""Reboots over the API: who is told, what the phone answered, what is on record."""

from __future__ import annotations

import httpx

from offhook.app import Pbx
from tests.integration.calls import add, add_device, registered


async def test_registering_a_device_reboots_its_registered_phone(
    api: httpx.AsyncClient, pbx: Pbx
) -> None:
    await add(api)
    phone = await registered(pbx, api)
    made = await add_device(api)
    assert made["reboot_triggered"] is True
    assert made["message"] == "Device registered and phone reboot triggered automatically"
    record = (await api.get(f"/api/reboots/{made['reboots'][0]['id']}")).json()
    assert record["mac_address"] == "001565123456"
    assert "notified" in record["steps"]
    phones = (await api.get("/api/phones")).json()
    assert phones["phones"][0]["device"] == "001565123456"
    assert (await api.get("/api/extensions/1001")).json()["registered"] is True
    assert len(phone.requests) == 1
    await phone.close()


async def test_rebooting_an_extension_tells_the_phones_answer(
    api: httpx.AsyncClient, pbx: Pbx
) -> None:
    await add(api)
    phone = await registered(pbx, api)
    done = (await api.post("/api/phones/1001/reboot")).json()
    assert done["success"] is True
    assert done["rebooted"] == ["1001"]
    assert (done["success_count"], done["failed_count"], done["queued_count"]) == (1, 0, 0)
    assert done["reboots"][0]["step"] == "answered"
    assert done["reboots"][0]["sip_code"] == 200
    listed = (await api.get("/api/reboots", params={"extension": "1001"})).json()
    assert [item["id"] for item in listed["reboots"]] == [done["reboots"][0]["id"]]
    await phone.close()


async def test_refusing_phone_counts_as_failed(api: httpx.AsyncClient, pbx: Pbx) -> None:
    await add(api)
    phone = await registered(pbx, api)
    phone.notify_status = 489
    done = (await api.post("/api/phones/1001/reboot")).json()
    assert done["success"] is False
    assert done["failed_count"] == 1
    assert done["failed"][0]["extension"] == "1001"
    assert "489" in done["failed"][0]["error"]
    await phone.close()


async def test_rebooting_all_reaches_every_phone(api: httpx.AsyncClient, pbx: Pbx) -> None:
    phones = []
    for number in ("1001", "1002"):
        await add(api, number)
        phones.append(await registered(pbx, api, number))
    done = (await api.post("/api/phones/reboot")).json()
    assert sorted(done["rebooted"]) == ["1001", "1002"]
    assert [len(phone.requests) for phone in phones] == [1, 1]
    for phone in phones:
        await phone.close()


async def test_rebooting_nobody_says_so(api: httpx.AsyncClient) -> None:
    done = (await api.post("/api/phones/reboot")).json()
    assert done["success"] is False
    assert done["success_count"] == 0
    assert (await api.post("/api/phones/1001/reboot")).status_code == 404
    await add(api)
    silent = await api.post("/api/phones/1001/reboot")
    assert silent.status_code == 409
    assert "registered" in silent.json()["error"]["message"]
    assert (await api.get("/api/reboots/nothing")).status_code == 404


async def test_renaming_reboots_only_its_phones(api: httpx.AsyncClient, pbx: Pbx) -> None:
    phones = []
    for place, number in enumerate(("1001", "1002")):
        await add(api, number)
        await add_device(api, mac_address=f"00156512345{place}", extension_number=number)
        phones.append(await registered(pbx, api, number))
    renamed = (await api.patch("/api/extensions/1001", json={"name": "Zoë O'Neil"})).json()
    assert renamed["reboot_triggered"] is True
    assert [item["extension"] for item in renamed["reboots"]] == ["1001"]
    assert [len(phone.requests) for phone in phones] == [1, 0]
    for phone in phones:
        await phone.close()
