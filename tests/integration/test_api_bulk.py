"""Many devices or extensions in one call: all or none, each row checked as if it came alone."""

from __future__ import annotations

from typing import Any

import httpx

from tests.integration.running import Running

DEVICES = "/api/provisioning/devices/bulk"
EXTENSIONS = "/api/extensions/bulk"


def numbers(count: int, first: int = 1001) -> list[dict[str, Any]]:
    return [{"number": str(first + index), "name": f"User {index}"} for index in range(count)]


def device(index: int, **changes: object) -> dict[str, Any]:
    return {
        "mac_address": f"0015650000{index:02x}",
        "vendor": "yealink",
        "model": "t46s",
        "extension_number": str(1001 + index),
        **changes,
    }


async def put(api: httpx.AsyncClient, *rows: dict[str, Any]) -> httpx.Response:
    return await api.post(DEVICES, json={"devices": list(rows)})


async def test_all_rows_are_written_each_with_its_change(
    running: Running, api: httpx.AsyncClient
) -> None:
    added = await api.post(EXTENSIONS, json={"extensions": numbers(30)})
    assert added.status_code == 201
    assert added.json()["extensions"] == [str(1001 + index) for index in range(30)]
    answer = await put(api, *(device(index) for index in range(30)))
    assert answer.status_code == 201
    assert answer.json()["devices"] == [f"0015650000{index:02x}" for index in range(30)]
    assert (answer.json()["told"], len(running.services.state.devices)) == (0, 30)
    changes = (await api.get("/api/changes?limit=1000")).json()["changes"]
    assert sorted({(it["noun"], it["action"]) for it in changes}) == [
        ("device", "created"),
        ("extension", "created"),
    ]
    assert len(changes) == 60
    file = await api.get("/provision/001565000007.cfg", headers={"User-Agent": "Yealink SIP-T46S"})
    assert "account.1.user_name = 1008" in file.text


async def test_one_wrong_row_keeps_all_from_being_written(
    running: Running, api: httpx.AsyncClient
) -> None:
    await api.post(EXTENSIONS, json={"extensions": numbers(3)})
    answer = await put(
        api,
        device(0),
        device(1, model="t99"),
        device(2, mac_address="nonsense"),
        device(0, mac_address="00:15:65:00:00:00"),
        device(9),
        device(2, extension_number=None),
        device(2, settings={"1abc": "x"}),
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "bad_rows")
    assert {row["row"]: row["code"] for row in error["rows"]} == {
        2: "P307",
        3: "bad_mac",
        4: "twice",
        5: "unknown_extension",
        6: "missing_field",
        7: "P702",
    }
    assert all(row["hint"] for row in error["rows"])
    assert "row 2 of 7" in error["message"]
    assert not running.services.state.devices


async def test_extensions_are_refused_row_by_row(running: Running, api: httpx.AsyncClient) -> None:
    await api.post(EXTENSIONS, json={"extensions": numbers(1)})
    rows = [*numbers(3), {"number": "1003", "name": "Again"}, {"number": "x", "name": "Bad"}]
    error = (await api.post(EXTENSIONS, json={"extensions": rows})).json()["error"]
    assert {row["row"]: row["code"] for row in error["rows"]} == {
        1: "extension_exists",
        4: "twice",
        5: "bad_number",
    }
    assert list(running.services.state.extensions) == ["1001"]


async def test_an_empty_list_and_too_many_are_refused(api: httpx.AsyncClient) -> None:
    for rows in ([], numbers(10_001, 100_000)):
        answer = await api.post(EXTENSIONS, json={"extensions": rows})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_count")


async def test_problems_are_told_up_to_a_hundred(api: httpx.AsyncClient) -> None:
    rows = [{"number": "x", "name": "Bad"}] * 300
    error = (await api.post(EXTENSIONS, json={"extensions": rows})).json()["error"]
    assert len(error["rows"]) == 100


async def test_a_device_registered_again_is_replaced(
    running: Running, api: httpx.AsyncClient
) -> None:
    await api.post(EXTENSIONS, json={"extensions": numbers(2)})
    await put(api, device(0))
    before = next(iter(running.services.state.devices.values()))
    assert (await put(api, device(0, extension_number="1002"))).status_code == 201
    after = next(iter(running.services.state.devices.values()))
    assert (after.extension, after.admin_password) == ("1002", before.admin_password)
    assert after.created_at == before.created_at
