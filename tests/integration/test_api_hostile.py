"""Odd values are data everywhere, and what fails inside ends in the one shape of error."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from offhook.errors import StoreError
from offhook.web.gate import API_BODY_MAX
from tests.integration.refused import error_of
from tests.integration.running import Running

EXTENSIONS = "/api/extensions"
DEVICES = "/api/provisioning/devices"
DEVICE = {
    "mac_address": "001565123456",
    "extension_number": "1001",
    "vendor": "yealink",
    "model": "t46s",
}


@pytest.mark.parametrize(
    "name",
    [
        'A & B <x> "q"',
        "Zoë O'Neil",
        "{{ secret }}",
        "{% for x in y %}",
        "עברית שם",
        "<script>alert(1)</script>",
        "\\u0000 ; # = [x]",
        "%s %n $mac ${x}",
        "😀",
    ],
)
async def test_odd_names_are_data_everywhere(api: httpx.AsyncClient, name: str) -> None:
    added = await api.post(EXTENSIONS, json={"number": "1001", "name": name})
    assert added.status_code == 201, added.text
    made = await api.post(DEVICES, json=DEVICE)
    assert made.status_code == 201, made.text
    listed = (await api.get(EXTENSIONS)).json()["extensions"]
    assert listed[0]["name"] == name
    served = await api.get("/provision/001565123456.cfg")
    assert served.status_code == 200
    assert f"account.1.display_name = {name}\n" in served.text


async def test_too_large_body_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post(EXTENSIONS, content=b" " * (API_BODY_MAX + 1))
    assert answer.status_code == 413
    error_of(answer)
    assert (await api.get("/api/status")).status_code == 200


async def test_site_refuses_a_makers_own_key(api: httpx.AsyncClient) -> None:
    answer = await api.patch("/api/provisioning/settings/site", json={"account.1.label": "x"})
    assert answer.status_code == 400
    assert "account.1.label" in error_of(answer)["message"]


async def test_same_extension_added_many_times_at_once_exists_once(
    api: httpx.AsyncClient,
) -> None:
    body = {"number": "1001", "name": "x"}
    answers = await asyncio.gather(*(api.post(EXTENSIONS, json=body) for _ in range(20)))
    assert sorted(item.status_code for item in answers) == [201] + [409] * 19


async def test_failing_store_is_503_and_changes_nothing(
    running: Running, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreError("the disk is full", "make room on the disk")

    monkeypatch.setattr(running.pbx.store.inventory, "commit", fail)
    answer = await api.post(EXTENSIONS, json={"number": "1001", "name": "x"})
    assert answer.status_code == 503
    assert error_of(answer) == {
        "code": "store_failed",
        "message": "the disk is full",
        "hint": "make room on the disk",
    }
    assert (await api.get(EXTENSIONS)).json()["total"] == 0


async def test_defect_is_500_with_a_request_id_that_the_log_has(
    running: Running,
    api: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(running.pbx.engine), "health", lambda _self: fail())
    answer = await api.get("/api/status")
    assert answer.status_code == 500
    error = error_of(answer)
    assert "secret detail" not in answer.text
    request_id = error["message"].rpartition(" ")[2]
    assert any(request_id in record.getMessage() for record in caplog.records)
    assert "secret detail" in caplog.text


async def test_phone_with_half_a_character_in_its_name_breaks_no_list(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.get(
        "/provision/000bea85abcd.cfg", headers=[(b"User-Agent", b"Phone \xed\xa0\x80 \xff")]
    )
    assert answer.status_code == 404
    for path in ("/api/provisioning/requests", "/api/provisioning/unknown"):
        assert (await api.get(path)).status_code == 200
