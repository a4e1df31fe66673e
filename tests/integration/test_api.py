"""The API over real HTTP: each resource does what its manual says."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from offhook.app import Pbx
from offhook.core.mac import Mac
from tests.integration.calls import DEVICE, DEVICES, add, add_device


async def curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl", "-s", "--noproxy", "*", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_status_tells_counts_and_sockets(api: httpx.AsyncClient, pbx: Pbx) -> None:
    await add(api)
    status = (await api.get("/api/status")).json()
    assert status["running"] is True
    assert status["extensions"] == 1
    assert status["devices"] == 0
    assert status["registered"] == 0
    assert f"udp:127.0.0.1:{pbx.sip_port}" in status["sip"]["listening"]
    assert status["provisioning"]["enabled"] is True


@pytest.mark.needs("curl")
async def test_grep_of_the_guide_shows_the_extension(api: httpx.AsyncClient, url: str) -> None:
    await add(api, "1001", "Zoë")
    text = await curl(f"{url}/api/extensions")
    lines = text.splitlines()
    found = next(place for place, line in enumerate(lines) if '"number":"1001"' in line)
    shown = "\n".join(lines[found : found + 6])
    for part in ('"name":"Zoë"', '"email":""', '"registered":false', '"source":"manual"'):
        assert part in shown
    assert text.endswith("}\n")


@pytest.mark.needs("curl")
async def test_curl_without_content_type_registers_a_device(
    api: httpx.AsyncClient, url: str
) -> None:
    await add(api)
    text = await curl("-X", "POST", url + DEVICES, "-d", json.dumps(DEVICE))
    made = json.loads(text)
    assert made["success"] is True
    assert made["reboot_triggered"] is False
    assert "next boot" in made["message"]
    device = made["device"]
    assert device["mac_address"] == "001565123456"
    assert device["mac"] == "00:15:65:12:34:56"
    assert device["extension_number"] == "1001"
    assert device["config_url"] == f"{url}/provision/001565123456.cfg"
    assert device["last_provisioned"] is None
    assert device["created_at"].endswith("Z")
    config = await curl(url + "/provision/001565123456.cfg")
    assert config.count("John Smith") >= 2


async def test_extension_lives_and_dies(api: httpx.AsyncClient) -> None:
    made = await api.post(
        "/api/extensions", json={"number": "1001", "name": "Ann", "email": "a@b.c"}
    )
    assert made.status_code == 201
    assert made.json()["name"] == "Ann"
    assert (
        await api.post("/api/extensions", json={"number": "1001", "name": "B"})
    ).status_code == 409
    patched = (await api.patch("/api/extensions/1001", json={"name": "Bob"})).json()
    assert patched["extension"]["name"] == "Bob"
    assert patched["extension"]["email"] == "a@b.c"
    put = (await api.put("/api/extensions/1001", json={"name": "Cem"})).json()
    assert put["extension"]["email"] == ""
    found = (await api.get("/api/extensions", params={"q": "CEM"})).json()
    assert [item["number"] for item in found["extensions"]] == ["1001"]
    assert (await api.get("/api/extensions", params={"q": "nobody"})).json()["total"] == 0
    assert (await api.delete("/api/extensions/1001")).json()["success"] is True
    assert (await api.get("/api/extensions/1001")).status_code == 404


async def test_extensions_are_listed_in_the_order_of_counting(api: httpx.AsyncClient) -> None:
    for number in ("1000", "99", "100"):
        await add(api, number)
    page = (await api.get("/api/extensions", params={"limit": 2, "offset": 1})).json()
    assert page["total"] == 3
    assert [item["number"] for item in page["extensions"]] == ["100", "1000"]


async def test_extension_in_use_is_not_deleted(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    answer = await api.delete("/api/extensions/1001")
    assert answer.status_code == 409
    assert "00:15:65:12:34:56" in answer.json()["error"]["message"]


async def test_secrets_are_only_where_they_are_asked_for(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    secret = (await api.get("/api/extensions/1001/secret")).json()["secret"]
    password = (await api.get(f"{DEVICES}/001565123456/admin-password")).json()["admin_password"]
    assert len(secret) >= 20
    for path in (
        "/api/extensions",
        "/api/extensions/1001",
        DEVICES,
        f"{DEVICES}/001565123456",
        f"{DEVICES}/001565123456/config",
        f"{DEVICES}/001565123456/config?explain=true",
        "/api/provisioning/diagnostics",
        "/api/changes",
        "/api/provisioning/settings",
    ):
        text = (await api.get(path)).text
        assert secret not in text, path
        assert password not in text, path
    actions = [item["action"] for item in (await api.get("/api/changes")).json()["changes"]]
    assert actions[:2] == ["admin password revealed", "secret revealed"]


async def test_revealed_configuration_is_on_record(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    secret = (await api.get("/api/extensions/1001/secret")).json()["secret"]
    plain = await api.get(f"{DEVICES}/001565123456/config", params={"reveal": True})
    assert secret in plain.text
    explained = await api.get(
        f"{DEVICES}/001565123456/config", params={"reveal": True, "explain": True}
    )
    assert secret in explained.text
    changes = (await api.get("/api/changes", params={"subject": "001565123456"})).json()["changes"]
    assert [item["action"] for item in changes] == [
        "configuration revealed",
        "configuration revealed",
        "created",
    ]


async def test_explained_file_names_the_level_of_each_value(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api, settings={"voicemail_number": "*98"})
    changed = await api.patch(
        "/api/provisioning/settings/model/Yealink/SIP-T46S", json={"time_zone": "Europe/Berlin"}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["scope"] == "model yealink/t46s"
    assert changed.json()["pending_count"] == 1
    explained = (await api.get(f"{DEVICES}/001565123456/config?explain=true")).json()
    assert explained["file"] == "001565123456.cfg"
    sources = {item["source"] for item in explained["lines"]}
    assert {"template", "extension 1001", "config.yml", "device 001565123456"} <= sources
    assert "model yealink/t46s" in sources
    scopes = (await api.get("/api/provisioning/settings")).json()
    assert scopes["models"] == {"yealink/t46s": {"time_zone": "Europe/Berlin"}}
    gone = await api.patch(
        "/api/provisioning/settings/model/yealink/t46s", json={"time_zone": None}
    )
    assert gone.json()["settings"] == {}


async def test_settings_have_three_scopes(api: httpx.AsyncClient) -> None:
    base = "/api/provisioning/settings"
    for scope, name in (("site", "site"), ("vendor/yealink", "vendor yealink")):
        changed = await api.patch(f"{base}/{scope}", json={"dtmf": "info"})
        assert changed.json()["scope"] == name
        assert (await api.get(f"{base}/{scope}")).json()["settings"] == {"dtmf": "info"}
    model = await api.get(f"{base}/model/yealink/t46s")
    assert model.json() == {"scope": "model yealink/t46s", "settings": {}}


async def test_passwords_among_free_settings_are_masked_everywhere(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    settings = "/api/provisioning/settings"
    places = (f"{settings}/vendor/yealink", f"{settings}/model/yealink/t46s")
    for path in places:
        changed = await api.patch(path, json={"static.wifi.1.password": "not-for-eyes"})
        assert changed.status_code == 200
        assert "not-for-eyes" not in changed.text
    device = f"{DEVICES}/001565123456"
    body = {"settings": {"static.wifi.2.password": "not-for-eyes"}}
    assert "not-for-eyes" not in (await api.patch(device, json=body)).text
    for path in (*places, settings, device, DEVICES, "/api/provisioning/diagnostics"):
        text = (await api.get(path)).text
        assert "static.wifi" in text, path
        assert "not-for-eyes" not in text, path
    assert "not-for-eyes" in (await api.get("/provision/001565123456.cfg")).text


async def test_device_is_found_by_any_spelling_and_searched(api: httpx.AsyncClient) -> None:
    await add(api)
    await add(api, "1002", "Zoë")
    await add_device(api)
    await add_device(api, mac_address="000BEA85ED68", vendor="zultys", model="zip33g")
    await api.patch(f"{DEVICES}/000bea85ed68", json={"extension_number": "1002"})
    for spelling in ("00-0B-EA-85-ED-68", "000B.EA85.ED68", "000bea85ed68", "00%3A0B:EA:85:ED:68"):
        found = (await api.get(f"{DEVICES}/{spelling}")).json()["device"]
        assert found["mac_address"] == "000bea85ed68"
    for text in ("0b:ea", "0BEA.85", "1002", "ZOË", "zultys", "ZIP 33G"):
        found = (await api.get(DEVICES, params={"q": text})).json()
        assert [item["mac_address"] for item in found["devices"]] == ["000bea85ed68"], text
    assert (await api.get(DEVICES)).json()["devices"][0]["mac_address"] == "000bea85ed68"


async def test_device_is_replaced_changed_and_deleted(api: httpx.AsyncClient) -> None:
    await add(api)
    await add(api, "1002", "Ann")
    first = await api.post(DEVICES, json=DEVICE)
    again = await api.post(DEVICES, json={**DEVICE, "extension_number": "1002"})
    assert (first.status_code, again.status_code) == (201, 200)
    path = f"{DEVICES}/00:15:65:12:34:56"
    lines = [{"extension_number": "1001", "label": "Desk"}, {"extension_number": "1002"}]
    await api.patch(path, json={"lines": lines})
    changed = (await api.patch(path, json={"label": "Hall"})).json()
    assert [item["label"] for item in changed["device"]["lines"]] == ["Hall", ""]
    assert changed["device"]["created_at"] == first.json()["device"]["created_at"]
    same = (await api.patch(path, json={"label": "Hall"})).json()
    assert "stay the same" in same["message"]
    both = await api.patch(path, json={"lines": lines, "label": "x"})
    assert both.status_code == 400
    assert (await api.delete(path)).json()["success"] is True
    assert (await api.get(path)).status_code == 404
    assert (await api.get(DEVICES)).json()["total"] == 0


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"extension_number": "7777"}, 400, ["7777", "1001"]),
        ({"vendor": "acme"}, 400, ["acme", "yealink", "zultys"]),
        ({"model": "t99"}, 400, ["t99", "t46s"]),
        ({"mac_address": "00:15:65:12:34"}, 400, ["mac_address"]),
        ({"extension_number": None}, 400, ["extension_number"]),
    ],
)
async def test_bad_device_is_refused_naming_the_valid_ones(
    api: httpx.AsyncClient, fields: dict[str, object], status: int, words: list[str]
) -> None:
    await add(api)
    answer = await api.post(DEVICES, json={**DEVICE, **fields})
    assert answer.status_code == status
    error = answer.json()["error"]
    for word in words:
        assert word in error["message"] + error["hint"]


async def test_vendors_tell_models_and_how_far_they_were_tried(api: httpx.AsyncClient) -> None:
    answer = (await api.get("/api/provisioning/vendors")).json()
    assert {"zultys", "yealink", "polycom", "cisco", "grandstream"} == set(answer["vendors"])
    assert "t46s" in answer["models"]["yealink"]
    t46s = next(item for item in answer["details"]["yealink"]["models"] if item["name"] == "t46s")
    assert t46s["lines"] > 1
    assert "not tried on hardware" in t46s["support"]


async def test_requests_are_told_newest_first(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    agent = {"User-Agent": "Yealink SIP-T46S 66.85.0.15"}
    await api.get("/provision/001565123456.cfg", headers=agent)
    await api.get("/provision/000bea85abcd.cfg", headers=agent)
    listed = (await api.get("/api/provisioning/requests?limit=20")).json()
    assert listed["total"] == 2
    refused, served = listed["requests"]
    assert refused["success"] is False
    assert refused["fault"] == "P301"
    assert refused["mac_address"] == "000bea85abcd"
    assert served["success"] is True
    assert served["normalized_mac"] == "001565123456"
    assert served["ip_address"] == "127.0.0.1"
    assert served["user_agent"] == agent["User-Agent"]
    only = (await api.get("/api/provisioning/requests?success=false")).json()
    assert [item["fault"] for item in only["requests"]] == ["P301"]
    mine = (await api.get("/api/provisioning/requests?mac=00:15:65:12:34:56")).json()
    assert mine["total"] == 1
    device = (await api.get(f"{DEVICES}/001565123456")).json()["device"]
    assert device["last_provisioned"] is not None
    assert device["in_step"] is True
    await api.patch("/api/extensions/1001", json={"name": "Jane"})
    device = (await api.get(f"{DEVICES}/001565123456")).json()["device"]
    assert device["in_step"] is False
    assert device["stale_files"] == ["001565123456.cfg"]


async def test_diagnostics_show_the_whole_picture(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    await api.get("/provision/000bea85abcd.cfg")
    told = (await api.get("/api/provisioning/diagnostics")).json()
    assert told["enabled"] is True
    assert told["configuration"]["url_format"].endswith("/provision/{mac}.cfg")
    assert told["statistics"]["total_devices"] == 1
    assert told["statistics"]["failed_requests"] == 1
    assert told["devices"][0]["mac_address"] == "001565123456"
    assert told["recent_requests"][0]["fault"] == "P301"
    assert told["unknown_phones"][0]["mac_address"] == "000bea85abcd"
    assert any(text.startswith("P102 ") for text in told["warnings"])
    assert {"code", "steps", "evidence", "subject"} <= set(told["findings"][0])
    one = (await api.get("/api/provisioning/diagnostics?mac=000bea85abcd")).json()
    assert one["devices"] == []


async def test_unknown_phone_is_listed_and_forgotten(api: httpx.AsyncClient) -> None:
    await api.get(
        "/provision/000bea85abcd.cfg", headers={"User-Agent": "Zultys ZIP 33G - 47.80.132.4"}
    )
    listed = (await api.get("/api/provisioning/unknown")).json()
    assert listed["total"] == 1
    assert listed["phones"][0]["vendor"] == "zultys"
    assert (await api.delete("/api/provisioning/unknown/00-0B-EA-85-AB-CD")).status_code == 200
    assert (await api.get("/api/provisioning/unknown")).json()["total"] == 0
    assert (await api.delete("/api/provisioning/unknown/000bea85abcd")).status_code == 404


async def test_uploads_of_a_phone_are_listed(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    sent = await api.put("/provision/001565123456-local.cfg", content=b"#!version:1.0.0.1\n")
    assert sent.status_code == 201
    listed = (await api.get(f"{DEVICES}/001565123456/uploads")).json()["uploads"]
    assert [(item["name"], item["size"]) for item in listed] == [("001565123456-local.cfg", 18)]


async def test_other_files_of_a_device_are_shown_by_name(api: httpx.AsyncClient) -> None:
    await add(api)
    await add_device(api)
    missing = await api.get(f"{DEVICES}/001565123456/config", params={"file": "nothing.cfg"})
    assert missing.status_code == 404
    names = missing.json()["error"]["hint"].removeprefix("its files are ").split(", ")
    assert "001565123456.cfg" in names
    for name in names:
        shown = await api.get(f"{DEVICES}/001565123456/config", params={"file": name})
        assert shown.status_code == 200
        assert shown.headers["content-type"].startswith("text/plain")
    both = await api.get(f"{DEVICES}/001565123456/config?explain=true&file={names[0]}")
    assert both.status_code == 400


async def test_device_whose_files_cannot_be_made_says_why(api: httpx.AsyncClient, pbx: Pbx) -> None:
    await add(api)
    await add_device(api)
    device = pbx.state.devices[Mac(0x001565123456)]
    del pbx.state.extensions["1001"]
    pbx.files.forget([device.mac])
    shown = (await api.get(f"{DEVICES}/001565123456")).json()["device"]
    assert shown["fault"].startswith("P308")
    assert shown["in_step"] is None
    refused = await api.get(f"{DEVICES}/001565123456/config")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "P308"
