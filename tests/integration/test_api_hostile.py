"""What careless and hostile callers send to the API ends in one shape of error, never in a 500."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from offhook.errors import StoreError
from offhook.web.asgi import API_BODY_MAX
from tests.integration.running import Running

EXTENSIONS = "/api/extensions"
DEVICES = "/api/provisioning/devices"
DEVICE = {
    "mac_address": "001565123456",
    "extension_number": "1001",
    "vendor": "yealink",
    "model": "t46s",
}


def error_of(answer: httpx.Response) -> Any:
    """The error, after checking that it has the one shape and gives nothing away."""
    told = answer.json()
    assert set(told) == {"error"}, answer.text
    assert set(told["error"]) == {"code", "message", "hint"}
    assert told["error"]["code"]
    assert told["error"]["message"]
    assert told["error"]["hint"]
    assert "Traceback" not in answer.text
    assert answer.headers["content-type"] == "application/json"
    return told["error"]


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


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("A" * 300, "300"),
        ("two\nlines", "U+000A"),
        ("carriage\rreturn", "U+000D"),
        ("nul\0", "name"),
        ("\u202eright to left", "U+202E"),
        ("line\u2028separator", "U+2028"),
        ("", "name"),
        ("   ", "name"),
    ],
)
async def test_names_no_phone_can_show_are_refused(
    api: httpx.AsyncClient, name: str, word: str
) -> None:
    answer = await api.post(EXTENSIONS, json={"number": "1001", "name": name})
    assert answer.status_code == 400
    assert word in error_of(answer)["message"]
    assert (await api.get(EXTENSIONS)).json()["total"] == 0


BODIES = [
    (b"", "body is missing"),
    (b"{", "not JSON"),
    (b'{"number":"1001","name":', "not JSON"),
    (b"\xff\xfe\xfa", "JSON"),
    (b"null", "body"),
    (b"[]", "object"),
    (b'"text"', "object"),
    (b"[" * 5000, "JSON"),
    (b'{"a":' * 5000, "JSON"),
    (b'{"number":1001,"name":"x"}', "number must be a text"),
    (b'{"number":"1001","name":null}', "name must be a text"),
    (b'{"number":"1001","name":["x"]}', "name must be a text"),
    (b'{"number":"1001","name":{"x":1}}', "name must be a text"),
    (b'{"number":"1001"}', "name is missing"),
    (b'{"number":"1001","name":"x","is_admin":true}', "'is_admin'"),
    (b'{"number":"1001","name":"x","__proto__":{}}', "'__proto__'"),
    (b'{"number":"10 01","name":"x"}', "number"),
    (b'{"number":"-1","name":"x"}', "number"),
    (b'{"number":"1001; drop table","name":"x"}', "number"),
    (b'{"number":"' + b"9" * 21 + b'","name":"x"}', "number"),
    (b'{"number":"' + b"9" * 5000 + b'","name":"x"}', "number"),
    (b'{"number":' + b"9" * 5000 + b',"name":"x"}', ""),
    (b'{"number":1e999,"name":"x"}', "number"),
    (b'{"number":NaN,"name":"x"}', "number"),
    (b'{"number":"1001","name":"x","email":"\\ud800@x"}', "email"),
    (b'{"number":"1001","name":"\\udc00"}', "name"),
    (b'{"number":"1001","name":"x","email":"no address"}', "email"),
    (b'{"number":"1001","name":"x","secret":"short"}', "secret"),
    (b'{"number":"1001","name":"x","secret":"with blank in it"}', "secret"),
    (b'{"number":"1001","name":"x","secret":"' + b"x" * 65 + b'"}', "secret"),
    (b'{"number":"\\uff11\\uff10\\uff10\\uff11","name":"x"}', "number"),
    (b'{"number":"1001\\n","name":"x"}', "number"),
]


@pytest.mark.parametrize(("body", "word"), BODIES)
async def test_bad_extension_is_refused_naming_the_field(
    api: httpx.AsyncClient, body: bytes, word: str
) -> None:
    answer = await api.post(EXTENSIONS, content=body)
    assert answer.status_code == 400, answer.text
    assert word in error_of(answer)["message"]
    assert (await api.get(EXTENSIONS)).json()["total"] == 0


DEVICE_FIELDS: list[tuple[dict[str, object], str]] = [
    ({"mac_address": ""}, "mac_address"),
    ({"mac_address": "000000000000"}, "mac_address"),
    ({"mac_address": "ffffffffffff"}, "mac_address"),
    ({"mac_address": "00:15:65:12:34:5g"}, "mac_address"),
    ({"mac_address": "0015651234567890"}, "mac_address"),
    ({"mac_address": "00:15-65:12:34:56"}, "mac_address"),
    ({"mac_address": "'; drop table devices; --"}, "mac_address"),
    ({"mac_address": "../../etc/passwd"}, "mac_address"),
    ({"mac_address": "001565123456\n"}, ""),
    ({"mac_address": 1565123456}, "mac_address"),
    ({"mac_address": "{mac}"}, "mac_address"),
    ({"vendor": "<script>"}, "vendor"),
    ({"vendor": "y" * 5000}, "vendor"),
    ({"vendor": ""}, "vendor"),
    ({"vendor": None}, "vendor"),
    ({"vendor": "../yealink"}, "vendor"),
    ({"model": "t46s\0"}, "model"),
    ({"model": ""}, "model"),
    ({"model": "\ud83d"}, "model"),
    ({"extension_number": "9" * 400}, "extension_number"),
    ({"lines": []}, "extension_number"),
    ({"lines": [{}]}, "extension_number"),
    ({"lines": "1001"}, "lines"),
    ({"lines": [{"extension_number": "1001"}] * 65}, "lines"),
    ({"extension_number": None, "lines": [{"extension_number": "1001"}] * 64}, "lines"),
    ({"label": "two\nlines"}, "label"),
    ({"label": "L" * 300}, "label"),
    ({"settings": {"time_zone": "Mars/Olympus"}}, "time_zone"),
    ({"settings": {"a\nb": "x"}}, "settings"),
    ({"settings": {"key": "v" * 5000}}, "key"),
    ({"settings": {"key": 1}}, "settings"),
    ({"settings": {"account.1.label": "x\naccount.2.enable = 1"}}, "account.1.label"),
    ({"settings": ["x"]}, "settings"),
    ({"admin_password": "with blank in it"}, "admin_password"),
]


@pytest.mark.parametrize(("fields", "word"), DEVICE_FIELDS)
async def test_bad_device_is_refused_naming_the_field(
    api: httpx.AsyncClient, fields: dict[str, object], word: str
) -> None:
    await api.post(EXTENSIONS, json={"number": "1001", "name": "x"})
    body = json.dumps({**DEVICE, **fields}).encode()
    answer = await api.post(DEVICES, content=body)
    if fields.get("mac_address") == "001565123456\n":
        assert answer.status_code == 201, "white space around a pasted MAC does no harm"
        return
    assert answer.status_code == 400, answer.text
    assert word in error_of(answer)["message"]
    assert (await api.get(DEVICES)).json()["total"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=" + "9" * 5000,
        "offset=-1",
        "offset=" + "9" * 30,
        "sort=name",
        "q=" + "x" * 300,
        "q=%00",
        "limit=1&limit=2000",
    ],
)
@pytest.mark.parametrize("path", [EXTENSIONS, DEVICES])
async def test_bad_paging_is_refused(api: httpx.AsyncClient, path: str, query: str) -> None:
    answer = await api.get(f"{path}?{query}")
    assert answer.status_code == 400
    error_of(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/extensions/", 404),
        ("GET", "/api/%2e%2e/etc/passwd", 404),
        ("GET", "/api/extensions/%00", 404),
        ("GET", "/api/extensions/" + "9" * 3000, 404),
        ("GET", "/api/provisioning/devices/%00", 400),
        ("GET", "/api/provisioning/devices/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/api/provisioning/devices/001565123456", 404),
        ("GET", "/api/provisioning/devices/001565123456/config?file=../../etc/passwd", 404),
        ("GET", "/api/provisioning/devices/001565123456/config?reveal=perhaps", 400),
        ("GET", "/api/provisioning/requests?mac=nonsense", 400),
        ("GET", "/api/provisioning/requests?success=perhaps", 400),
        ("GET", "/api/provisioning/requests?sucess=true", 400),
        ("GET", "/api/provisioning/diagnostics?mac=$mac", 400),
        ("GET", "/api/provisioning/settings/vendor/acme", 400),
        ("GET", "/api/provisioning/settings/model/yealink/t99", 400),
        ("GET", "/api/reboots/%00", 404),
        ("GET", "/api/reboots?mac=x", 400),
        ("DELETE", "/api/tokens/%00", 404),
        ("DELETE", "/api/tokens/nobody", 404),
        ("DELETE", "/api/extensions", 405),
        ("PATCH", "/api/status", 405),
        ("POST", "/api/provisioning/vendors", 405),
        ("OPTIONS", "/api/extensions", 405),
        ("TRACE", "/api/status", 405),
        ("POST", "/api/phones/%00/reboot", 404),
    ],
)
async def test_bad_calls_get_the_one_shape(
    api: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == status, answer.text
    error_of(answer)
    if status == 405:
        assert answer.headers["allow"]


async def test_405_names_every_method_of_the_path(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/extensions/1001", json={})
    assert answer.headers["allow"] == "DELETE, GET, PATCH, PUT"


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a/b", "../x", "\n", "-x"])
async def test_bad_token_names_are_refused(api: httpx.AsyncClient, name: str) -> None:
    answer = await api.post("/api/tokens", json={"name": name})
    assert answer.status_code == 400
    error_of(answer)


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
