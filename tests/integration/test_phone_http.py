"""Files for phones over real HTTP: whatever is asked, a file or a short text comes back."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import pytest_asyncio

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.phones import UPLOAD_MAX_BYTES, Phones
from offhook.core.mac import Mac
from offhook.errors import StoreError
from tests.integration.running import Running
from tests.integration.wire import ask, exchange, parse

AGENT = "Yealink SIP-T46S 66.85.0.15"
FILE = "/provision/001565123456.cfg"
DEVICE = DeviceSpec(
    mac_address="001565123456",
    vendor="yealink",
    model="t46s",
    lines=[LineSpec(extension="1001")],
)


@pytest_asyncio.fixture(autouse=True)
async def _device(running: Running) -> None:
    parts = running.services
    await parts.extensions.add_extension("test", number="1001", name="John Smith")
    await parts.devices.put_device("test", DEVICE)


async def newest(running: Running) -> dict[str, object]:
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as api:
        answer = await api.get("/api/provisioning/requests?limit=1")
        found: dict[str, object] = answer.json()["requests"][0]
        return found


async def test_file_has_exact_length_and_a_validator(api: httpx.AsyncClient) -> None:
    answer = await api.get(FILE)
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "transfer-encoding" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    assert "server" not in answer.headers
    same = await api.get(FILE, headers={"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304
    assert same.content == b""
    assert "content-length" not in same.headers
    assert same.headers["etag"] == answer.headers["etag"]
    other = await api.get(FILE, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_head_tells_the_length_without_the_file(running: Running) -> None:
    port = running.http.port
    got = await ask(port, FILE.encode())
    head = await ask(port, FILE.encode(), method=b"HEAD")
    assert head.status == 200
    assert head.body == b""
    assert head.fields["content-length"] == got.fields["content-length"] == str(len(got.body))
    missing = await ask(port, b"/provision/000bea85abcd.cfg", method=b"HEAD")
    assert missing.status == 404
    assert missing.body == b""


async def test_connection_is_kept_for_the_next_file(running: Running) -> None:
    request = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    both = request % (FILE.encode(), b"") + request % (FILE.encode(), b"Connection: close\r\n")
    answer = await exchange(running.http.port, both)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_old_http_and_a_closed_sending_side_are_served(running: Running) -> None:
    old = parse(await exchange(running.http.port, b"GET %s HTTP/1.0\r\n\r\n" % FILE.encode()))
    assert old.status == 200
    assert old.fields["connection"] == "close"
    head = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % FILE.encode()
    half = parse(await exchange(running.http.port, head, closes=True))
    assert half.status == 200
    assert half.body == old.body


async def test_refusal_is_short_and_names_no_other_device(
    running: Running, api: httpx.AsyncClient
) -> None:
    answer = await api.get("/provision/001565123457.cfg", headers={"User-Agent": AGENT})
    assert answer.status_code == 404
    assert answer.text.startswith("P301 ")
    assert "001565123456" not in answer.text


async def test_own_tests_are_marked_and_do_not_count(
    running: Running, api: httpx.AsyncClient
) -> None:
    await api.get(FILE, headers={"User-Agent": AGENT, "X-Offhook-Test": "1"})
    assert (await newest(running))["test"] is True
    assert Mac(0x001565123456) not in running.pbx.state.sightings
    await api.get(FILE, headers={"User-Agent": AGENT, "X-Offhook-Test": "0"})
    assert (await newest(running))["test"] is False
    assert running.pbx.state.sightings[Mac(0x001565123456)].last_provisioned is not None


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (b"", ""),
        (b"Z\xc3\xbcrich 1.0", "Zürich 1.0"),
        (b"Z\xfcrich 1.0", "Zürich 1.0"),
        (b"x" * 5000, "x" * 256),
    ],
)
async def test_user_agent_is_noted_as_text(running: Running, agent: bytes, shown: str) -> None:
    assert (await ask(running.http.port, FILE.encode(), b"User-Agent: " + agent)).status == 200
    assert (await newest(running))["user_agent"] == shown


async def test_upload_is_kept_and_given_back(api: httpx.AsyncClient) -> None:
    path = "/provision/001565123456-local.cfg"
    assert (await api.get(path)).status_code == 404
    assert (await api.put(path, content=b"x = 1\n")).status_code == 201
    assert (await api.get(path)).content == b"x = 1\n"
    assert (await api.post(path, content=b"x = 2\n")).status_code == 201
    assert (await api.get(path)).content == b"x = 2\n"


async def test_too_large_upload_is_refused_and_on_record(running: Running) -> None:
    size = UPLOAD_MAX_BYTES + 1
    head = (
        b"PUT /provision/001565123456-local.cfg HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: %d\r\n\r\n" % size
    )
    answer = parse(await exchange(running.http.port, head + b"x" * size))
    assert answer.status == 413
    assert answer.fields["connection"] == "close"
    assert (await newest(running))["status"] == 413


async def test_upload_of_exactly_the_limit_is_kept(api: httpx.AsyncClient) -> None:
    path = "/provision/001565123456-local.cfg"
    assert (await api.put(path, content=b"x" * UPLOAD_MAX_BYTES)).status_code == 201


async def test_caller_that_leaves_in_its_upload_harms_nobody(
    running: Running, api: httpx.AsyncClient
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http.port)
    writer.write(b"PUT /provision/x-local.cfg HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    assert (await api.get(FILE)).status_code == 200


async def test_expect_100_continue_is_answered(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http.port)
    writer.write(
        b"PUT /provision/001565123456-local.cfg HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(b"ab")
        assert b"201" in await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_failing_store_is_a_short_500_on_record(
    running: Running, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(type(running.pbx.store.uploads), "put_upload", fail)
    answer = await api.put("/provision/001565123456-local.cfg", content=b"x")
    assert answer.status_code == 500
    assert answer.text.startswith("P703 ")
    assert (await newest(running))["fault"] == "P703"


@pytest.mark.parametrize("headers", [{}, {"Upgrade": "h2c"}], ids=["plain", "other"])
async def test_defect_is_a_short_500_and_logged(
    headers: dict[str, str],
    api: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Phones, "answer", fail)
    monkeypatch.setattr(Phones, "answer_at_once", fail)
    answer = await api.get(FILE, headers=headers)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.split()[-1] in caplog.text
    assert "secret detail" in caplog.text


async def test_front_page_and_stray_paths(api: httpx.AsyncClient) -> None:
    front = await api.get("/")
    assert (front.status_code, front.headers["location"]) == (303, "/sign-in")
    page = await api.get("/sign-in")
    assert "/api/docs" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/favicon.ico", "/001565123456.cfg", "/apiary", "/PROVISION/x"):
        stray = await api.get(path)
        assert stray.status_code == 404
        assert "/provision/" in stray.text
    assert (await api.post("/", content=b"x")).status_code == 401
