"""Calls of the API that many tests begin with."""

from __future__ import annotations

from typing import Any

import httpx

from offhook.app import Pbx
from offhook.simulator.sip_phone import SipPhone

DEVICE = {
    "mac_address": "00:15:65:12:34:56",
    "extension_number": "1001",
    "vendor": "yealink",
    "model": "t46s",
}
DEVICES = "/api/provisioning/devices"


async def add(api: httpx.AsyncClient, number: str = "1001", name: str = "John Smith") -> None:
    answer = await api.post("/api/extensions", json={"number": number, "name": name})
    assert answer.status_code == 201, answer.text


async def add_device(api: httpx.AsyncClient, **fields: object) -> Any:
    answer = await api.post(DEVICES, json={**DEVICE, **fields})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def registered(pbx: Pbx, api: httpx.AsyncClient, number: str = "1001") -> SipPhone:
    secret = (await api.get(f"/api/extensions/{number}/secret")).json()["secret"]
    phone = SipPhone()
    answer = await phone.register(
        server="127.0.0.1",
        port=pbx.sip_port,
        extension=number,
        secret=secret,
        user_agent="Yealink SIP-T46S 66.85.0.15",
    )
    assert answer is not None
    assert answer.status == 200
    return phone
