"""GET /api/diagnosis over real HTTP: by MAC, extension and address; what cannot be judged."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.calls import add, add_device

MAC = "00:15:65:12:34:56"


async def asked(api: httpx.AsyncClient, subject: str) -> dict[str, object]:
    answer = await api.get(f"/api/diagnosis/{subject}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("subject", [MAC, "001565123456", "0015.6512.3456", "1001"])
async def test_registered_device_that_never_asked_was_never_seen(
    api: httpx.AsyncClient, subject: str
) -> None:
    await add(api)
    await add_device(api)
    found = await asked(api, subject)
    assert found["subject"] in (MAC, "1001")
    assert found["stage"] == "setup"
    assert found["missing"] == "seen"
    assert "was never seen" in str(found["summary"])


async def test_fetch_of_the_file_proves_the_stages_up_to_delivered(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    phone = {"User-Agent": "Yealink SIP-T46S 66.86.0.15 00:15:65:12:34:56"}
    assert (await api.get("/provision/001565123456.cfg", headers=phone)).status_code == 200
    assert (await asked(api, MAC))["stage"] == "delivered"
    assert (await asked(api, "127.0.0.1"))["stage"] == "delivered"


async def test_unknown_phone_has_a_named_fault_with_dated_evidence(api: httpx.AsyncClient) -> None:
    phone = {"User-Agent": "Yealink SIP-T46S 66.86.0.15 00:15:65:99:99:99"}
    assert (await api.get("/provision/001565999999.cfg", headers=phone)).status_code == 404
    found = (await api.get("/api/diagnosis/001565999999")).json()
    first = found["findings"][0]
    assert (first["code"], first["name"]) == ("P301", "unknown-mac")
    assert first["hint"]
    assert first["steps"]
    assert any(line["at"] and "127.0.0.1" in line["what"] for line in first["evidence"])


@pytest.mark.parametrize(
    ("subject", "status"),
    [("001565000001", 404), ("4711", 404), ("not-a-mac", 400), ("%00", 400), ("192.0.2.9", 200)],
)
async def test_subject_that_nobody_knows_is_refused_with_a_hint(
    api: httpx.AsyncClient, subject: str, status: int
) -> None:
    answer = await api.get(f"/api/diagnosis/{subject}")
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"]["hint"]
