"""The timeline of a phone over real HTTP and SIP: one order, paged, with no secret in it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from offhook.app import Pbx
from tests.integration.calls import add, add_device, registered
from tests.integration.certificates import Authority
from tests.integration.running import client, running_pbx

URL = "/api/provisioning/devices/001565123456/timeline"
AGENT = {"User-Agent": "Yealink SIP-T46S 66.86.0.15 00:15:65:12:34:56"}


async def timeline(api: httpx.AsyncClient, **query: object) -> list[dict[str, Any]]:
    answer = await api.get(URL, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["timeline"]
    return found


@pytest.fixture
async def secret(api: httpx.AsyncClient, pbx: Pbx) -> str:
    """A phone with a history: registered, fetched, told to fetch again, refused, gone."""
    await add(api)
    await add_device(api)
    await api.get("/provision/001565123456.cfg", headers=AGENT)
    phone = await registered(pbx, api)
    await api.patch("/api/extensions/1001", json={"name": "Zoë <b>"})
    assert phone.requests
    shown = (await api.get("/api/extensions/1001/secret")).json()["secret"]
    wrong = await phone.register(
        server="127.0.0.1", port=pbx.sip_port, extension="1001", secret="wrong"
    )
    assert wrong is not None
    assert wrong.status in (401, 403)
    await phone.register(server="127.0.0.1", port=pbx.sip_port, extension="1001", secret=shown)
    await phone.refresh(expires_s=0)
    await phone.close()
    return str(shown)


async def test_all_kinds_are_in_one_order_and_no_secret_is_told(
    api: httpx.AsyncClient, secret: str
) -> None:
    found = await timeline(api)
    assert {item["kind"] for item in found} == {"request", "sip", "reboot", "change"}
    moments = [item["at"] for item in found]
    assert moments == sorted(moments, reverse=True)
    text = str(found)
    for part in (
        "registered for",
        "refused: wrong SIP password",
        "took its registration back",
        "NOTIFY",
        "GET 001565123456.cfg from 127.0.0.1",
        "extension 1001 changed by local: name",
        "device 001565123456 created by local",
    ):
        assert part in text
    assert secret not in text


async def test_pages_follow_each_other_without_gap(api: httpx.AsyncClient, secret: str) -> None:
    whole = await timeline(api)
    first = await timeline(api, limit=3)
    rest = await timeline(api, before=first[-1]["at"])
    assert first + rest == whole


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"before": "noon"}, {"x": 1}])
async def test_unusable_query_is_refused(api: httpx.AsyncClient, query: dict[str, Any]) -> None:
    answer = await api.get(URL, params=query)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]


async def test_phone_without_a_record_has_the_history_of_its_requests(
    api: httpx.AsyncClient,
) -> None:
    await api.get("/provision/001565999999.cfg", headers=AGENT)
    answer = await api.get("/api/provisioning/devices/001565999999/timeline")
    assert [item["fault"] for item in answer.json()["timeline"]] == ["P301"]


async def test_failed_handshake_is_on_the_timeline_of_the_only_phone_there(tmp_path: Path) -> None:
    pem = Authority().write(tmp_path / "pbx.pem")
    settings = {"sip__tls_certificate": str(pem), "sip__tls_port": "0"}
    async with running_pbx(tmp_path, **settings) as running, client(running) as api:
        await add(api)
        await add_device(api)
        await api.get("/provision/001565123456.cfg", headers=AGENT)
        tls_port = running.pbx.config.tls_port
        with pytest.raises(ssl.SSLError):  # it knows no authority, as a phone without ours
            await asyncio.open_connection("127.0.0.1", tls_port, ssl=ssl.create_default_context())
        async with asyncio.timeout(10):
            while not any("TLS" in it["what"] for it in await timeline(api)):  # noqa: ASYNC110 # nothing tells it
                await asyncio.sleep(0.02)
