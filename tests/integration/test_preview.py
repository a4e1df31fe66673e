"""Previews over the API: nothing is written, nobody is told, no secret is shown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from offhook.app import Pbx
from tests.integration.calls import registered
from tests.world import MAKERS, model_of

PREVIEW = {"preview": "true"}
DEVICES = "/api/provisioning/devices"
MAC = "001565123456"
SECRET = "Planted-secret<&>-of-1001"
ADMIN = "Planted-admin-pass"


async def add(api: httpx.AsyncClient, vendor: str = "yealink", mac: str = MAC, **more: Any) -> None:
    """Add extension 1001 when it is missing, and a device of it."""
    await api.post("/api/extensions", json={"number": "1001", "name": "Ada", "secret": SECRET})
    body = {
        "mac_address": mac,
        "vendor": vendor,
        "model": model_of(vendor).name,
        "extension_number": "1001",
        "admin_password": ADMIN,
        **more,
    }
    answer = await api.post(DEVICES, json=body)
    assert answer.status_code < 300, answer.text


async def preview(
    api: httpx.AsyncClient, method: str, path: str, body: object = None, **more: str
) -> dict[str, Any]:
    """Ask for a preview; its text holds no planted secret."""
    answer = await api.request(method, path, json=body, params={**PREVIEW, **more})
    assert answer.status_code == 200, answer.text
    assert "Planted" not in answer.text
    found: dict[str, Any] = answer.json()
    assert found["preview"]
    return found


def codes(found: dict[str, Any]) -> set[str]:
    return {item["code"] for item in found["findings"]}


async def changes(api: httpx.AsyncClient) -> int:
    return len((await api.get("/api/changes")).json()["changes"])


CALLS = (
    ("POST", "/api/extensions", {"number": "1002", "name": "Bob"}),
    ("PUT", "/api/extensions/1001", {"name": "Ada L."}),
    ("PATCH", "/api/extensions/1001", {"secret": "Planted-anew-secret"}),
    ("DELETE", "/api/extensions/1009", None),
    (
        "POST",
        DEVICES,
        {
            "mac_address": "001565aaaaaa",
            "vendor": "yealink",
            "model": "t46s",
            "extension_number": "1001",
        },
    ),
    ("PATCH", f"{DEVICES}/{MAC}", {"label": "Desk"}),
    ("DELETE", f"{DEVICES}/{MAC}", None),
    ("PATCH", "/api/provisioning/settings/site", {"dtmf": "info"}),
    ("PATCH", "/api/provisioning/settings/vendor/yealink", {"voice.ring_vol": "3"}),
    ("PATCH", "/api/provisioning/settings/model/yealink/t46s", {"language": "de"}),
    ("POST", "/api/provisioning/templates", {"yealink/main.cfg.j2": "#!version:1.0.0.1\nx = 1\n"}),
)


@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda value: str(value)[:44])
async def test_preview_changes_nothing(
    api: httpx.AsyncClient, pbx: Pbx, method: str, path: str, body: object
) -> None:
    await add(api)
    await api.post("/api/extensions", json={"number": "1009", "name": "Eve"})
    before, revision = await changes(api), pbx.state.revision
    await preview(api, method, path, body)
    assert (await changes(api), pbx.state.revision) == (before, revision)
    assert (await api.get("/api/reboots")).json()["reboots"] == []


REFUSED = (
    ("POST", "/api/extensions", {"number": "x", "name": "Bob"}),
    ("POST", "/api/extensions", {"number": "1001", "name": "Bob"}),
    ("PATCH", "/api/extensions/7777", {"name": "Bob"}),
    ("DELETE", "/api/extensions/1001", None),
    ("PATCH", f"{DEVICES}/{MAC}", {"extension_number": "7777"}),
    ("PATCH", f"{DEVICES}/{MAC}", {"model": "nothing"}),
    ("PATCH", f"{DEVICES}/{MAC}", {"settings": {"one key": "1"}}),
    ("PATCH", f"{DEVICES}/{MAC}", {"settings": {"1.2": "1"}}),
    ("PATCH", "/api/provisioning/settings/site", {"dtmf": "shouting"}),
    ("PATCH", "/api/provisioning/settings/vendor/nobody", {"dtmf": "info"}),
    ("PATCH", "/api/provisioning/settings/vendor/yealink", {"a.b": " blanks "}),
)


@pytest.mark.parametrize(("method", "path", "body"), REFUSED, ids=lambda value: str(value)[:44])
async def test_preview_is_refused_as_the_change_itself(
    api: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    await add(api)
    tried = await api.request(method, path, json=body, params=PREVIEW)
    done = await api.request(method, path, json=body)
    assert done.status_code >= 400
    assert (tried.status_code, tried.json()) == (done.status_code, done.json())


async def test_tells_who_would_fetch_and_who_would_wait(api: httpx.AsyncClient, pbx: Pbx) -> None:
    await add(api)
    await api.post("/api/extensions", json={"number": "1002", "name": "Bob"})
    await add(api, mac="001565123457", extension_number="1002")
    phone = await registered(pbx, api)
    found = await preview(api, "PATCH", "/api/provisioning/settings/site", {"dtmf": "info"})
    await phone.close(silently=True)
    assert (found["changed"], found["fetching"], found["pending"]) == (2, 1, 1)
    assert {it["mac"]: it["fetches"] for it in found["phones"]} == {
        MAC: True,
        "001565123457": False,
    }
    assert [(it["phones"], it["keys"][0]["key"]) for it in found["files"]] == [
        (2, "account.1.dtmf.type")
    ]


@pytest.mark.parametrize("vendor", MAKERS)
async def test_changed_secret_is_told_and_never_shown(api: httpx.AsyncClient, vendor: str) -> None:
    await add(api, vendor)
    found = await preview(api, "PATCH", "/api/extensions/1001", {"secret": "Planted-anew-secret"})
    (file,) = found["files"]
    assert [(it["kind"], it["before"], it["after"]) for it in file["keys"]] == [
        ("secret", "********", "********")
    ]
    assert "(changed)" in file["diff"]
    found = await preview(api, "PATCH", f"{DEVICES}/{MAC}", {"admin_password": "Planted-admin-2"})
    assert "(changed)" in found["files"][0]["diff"]


@pytest.mark.parametrize(
    ("vendor", "settings"),
    [
        ("yealink", {"ldap.password": "Planted-ldap", "a.url": "http://u:Planted-in-url@h/"}),
        ("grandstream", {"P34": "Planted-p34", "P1361": "Planted-http"}),
        ("cisco", {"GPP_SA": "Planted-key", "LDAP_Password": "Planted-ldap"}),
        ("polycom", {"device.sec.configEncryption.key": "Planted-key"}),
    ],
)
async def test_secrets_among_free_settings_are_masked(
    api: httpx.AsyncClient, vendor: str, settings: dict[str, str]
) -> None:
    await add(api, vendor)
    path = f"/api/provisioning/settings/vendor/{vendor}"
    found = await preview(api, "PATCH", path, settings)
    assert found["changed"] == 1
    await api.patch(path, json=settings)
    await preview(api, "PATCH", "/api/provisioning/settings/site", {"dtmf": "info"})
    await preview(api, "PATCH", path, dict.fromkeys(settings))


async def test_secrets_written_into_a_template_are_masked(api: httpx.AsyncClient) -> None:
    await add(api)
    text = (
        "#!version:1.0.0.1\nsecurity.user_password = user:Planted-user\n"
        "security.user_password = admin:{{ device.admin_password }}\n"
        "x.y = {{ lines[0].secret }}\n# {{ lines[0].secret | upper }}\n"
    )
    found = await preview(api, "POST", "/api/provisioning/templates", {"yealink/main.cfg.j2": text})
    assert "x.y = ********" in found["files"][0]["diff"]
    assert "PLANTED" not in str(found)


async def test_pages_the_phones(api: httpx.AsyncClient) -> None:
    for number in range(3):
        await add(api, mac=f"00156512345{number}")
    found = await preview(
        api, "PATCH", "/api/extensions/1001", {"name": "Eve"}, limit="1", offset="1"
    )
    assert (found["changed"], found["pending"]) == (3, 3)
    assert [it["mac"] for it in found["phones"]] == ["001565123451"]


async def test_template_that_does_not_compile_is_a_finding(api: httpx.AsyncClient) -> None:
    found = await preview(
        api, "POST", "/api/provisioning/templates", {"cisco/profile.xml.j2": "<a>{% if %}"}
    )
    assert [(it["code"], it["name"]) for it in found["findings"]] == [("P701", "unset-variable")]
    assert "line 1" in found["findings"][0]["message"]


async def test_template_that_misses_a_variable_is_a_finding(api: httpx.AsyncClient) -> None:
    await add(api)
    found = await preview(
        api,
        "POST",
        "/api/provisioning/templates",
        {"yealink/main.cfg.j2": "#!version:1.0.0.1\nx = {{ nobody }}\n"},
    )
    assert (found["changed"], found["broken"], codes(found)) == (0, 1, {"P701"})
    assert "'nobody' is undefined" in found["findings"][0]["message"]


async def test_keys_that_vanish_are_a_finding(api: httpx.AsyncClient) -> None:
    await add(api)
    found = await preview(
        api,
        "POST",
        "/api/provisioning/templates",
        {"yealink/main.cfg.j2": "#!version:1.0.0.1\nx = 1\n"},
    )
    assert "P714" in codes(found)


async def test_tastes_and_networks_are_findings_of_a_preview_only(api: httpx.AsyncClient) -> None:
    await add(api)
    path = "/api/provisioning/settings/vendor/yealink"
    body = {"voice.ring_vol": "3", "static.network.vlan.internet_port_vid": "7"}
    assert codes(await preview(api, "PATCH", path, body)) >= {"P715", "P718"}
    await api.patch(path, json=body)
    told = (await api.get(f"/api/diagnosis/{MAC}")).json()["findings"]
    assert not {"P715", "P718"} & {it["code"] for it in told}


async def test_says_what_is_so_already(api: httpx.AsyncClient) -> None:
    await add(api, settings={"account.1.dtmf.type": "2"})
    found = await preview(api, "PATCH", "/api/extensions/1001", {"name": "Eve"})
    assert [(it["code"], it["is_new"]) for it in found["findings"]] == [("P717", False)]


@pytest.mark.parametrize("name", ["main.cfg.j2", "nobody/x.j2", "yealink/../x.j2", "yealink/x"])
async def test_refuses_a_name_that_is_no_template(api: httpx.AsyncClient, name: str) -> None:
    answer = await api.post("/api/provisioning/templates", params=PREVIEW, json={name: ""})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_template")


async def test_templates_can_only_be_tried(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/provisioning/templates", json={"yealink/x.j2": ""})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "only_preview")
