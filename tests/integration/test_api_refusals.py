"""What careless and hostile callers send to the API is refused, naming the field."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.integration.refused import error_of
from tests.integration.running import client, running_pbx

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXTENSIONS = "/api/extensions"
DEVICES = "/api/provisioning/devices"
DEVICE = {
    "mac_address": "001565123456",
    "extension_number": "1001",
    "vendor": "yealink",
    "model": "t46s",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One PBX for all refusals: none of them leaves anything behind."""
    folder = tmp_path_factory.mktemp("pbx")
    async with running_pbx(folder) as running, client(running) as opened:
        await opened.post(EXTENSIONS, json={"number": "1001", "name": "x"})
        yield opened
        assert (await opened.get(EXTENSIONS)).json()["total"] == 1
        assert (await opened.get(DEVICES)).json()["total"] == 0
        assert (await opened.get("/api/tokens")).json()["total"] == 0


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


DEVICE_FIELDS: list[tuple[dict[str, object], str]] = [
    ({"mac_address": ""}, "mac_address"),
    ({"mac_address": "000000000000"}, "mac_address"),
    ({"mac_address": "ffffffffffff"}, "mac_address"),
    ({"mac_address": "00:15:65:12:34:5g"}, "mac_address"),
    ({"mac_address": "0015651234567890"}, "mac_address"),
    ({"mac_address": "00:15-65:12:34:56"}, "mac_address"),
    ({"mac_address": "'; drop table devices; --"}, "mac_address"),
    ({"mac_address": "../../etc/passwd"}, "mac_address"),
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
    answer = await api.post(DEVICES, content=json.dumps({**DEVICE, **fields}).encode())
    assert answer.status_code == 400, answer.text
    assert word in error_of(answer)["message"]


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
