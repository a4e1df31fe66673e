"""Whatever path a phone or a stranger asks for, a file or a short text comes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from offhook.actions.devices import DeviceSpec, LineSpec
from tests.integration.running import running_pbx
from tests.integration.wire import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """Where one PBX with one device answers."""
    # Every path below is a stranger's from one address, which would be throttled.
    limit = {"provisioning__unknown_per_minute": "1000"}
    async with running_pbx(tmp_path_factory.mktemp("pbx"), **limit) as running:
        parts = running.services
        await parts.extensions.add_extension("test", number="1001", name="John Smith")
        lines = [LineSpec(extension="1001")]
        await parts.devices.put_device(
            "test",
            DeviceSpec(mac_address="001565123456", vendor="yealink", model="t46s", lines=lines),
        )
        yield running.http.port


PATHS: list[tuple[bytes, int]] = [
    (b"/provision/001565123456.cfg", 200),
    (b"//provision/001565123456.cfg", 200),
    (b"/provision//001565123456.cfg", 200),
    (b"/provision/00:15:65:12:34:56.cfg", 200),
    (b"/provision/00%3a15%3A65:12:34:56.cfg", 200),
    (b"/provision/0015.6512.3456.cfg", 200),
    (b"/provision/001565123456.CFG", 200),
    (b"/provision/$mac.cfg/001565123456.cfg", 200),
    (b"/provision/%7Bmac%7D.cfg/001565123456.cfg", 200),
    (b"http://192.168.1.14:8080/provision/001565123456.cfg", 200),
    (b"/provision/001565123456.cfg?x=%00", 200),
    (b"/provision/{mac}.cfg", 400),
    (b"/provision/%7bmac%7d.cfg", 400),
    (b"/provision/$mac.cfg", 400),
    (b"/provision/%24MA.cfg", 400),
    (b"/provision", 404),
    (b"/provision/", 404),
    (b"/provision?mac=", 404),
    (b"/provisioning/001565123456.cfg", 404),
    (b"/provision/../../etc/passwd", 404),
    (b"/provision/%2e%2e/%2e%2e/etc/passwd", 404),
    (b"/provision/..%2f..%2fetc%2fpasswd", 404),
    (b"/provision/%252e%252e%252fpasswd", 404),
    (b"/provision/..\\..\\windows\\win.ini", 404),
    (b"/provision/%00", 400),
    (b"/provision/001565123456.cfg%00.txt", 400),
    (b"/provision/a%0d%0aSet-Cookie:x=1", 400),
    (b"/provision/%7f", 400),
    (b"/provision/%ff%fe.cfg", 404),
    (b"/provision/%c3%bc.cfg", 404),
    (b"/provision/%", 404),
    (b"/provision/%zz.cfg", 404),
    (b"/provision/<script>.cfg", 404),
    (b"/provision/" + b"a" * 900, 404),
    (b"/provision/" + b"a" * 2000, 414),
    (b"/provision/x?" + b"a" * 2000, 414),
    (b"/provision/" + b"/" * 900 + b"x", 404),
    (b"/provision/" + b"001565123456" * 40 + b".cfg", 404),
]


@pytest.mark.parametrize(("path", "status"), PATHS)
async def test_any_path_is_answered_with_a_file_or_a_word(
    port: int, path: bytes, status: int
) -> None:
    answer = await ask(port, path)
    assert answer.status == status, answer
    assert int(answer.fields["content-length"]) == len(answer.body)
    if status != 200:
        assert answer.fields["content-type"] == "text/plain; charset=utf-8"
        assert len(answer.body) < 600
        assert not answer.body.startswith(b"{")
        for word in (b"Traceback", b"root:", b"detail"):
            assert word not in answer.body
        assert "set-cookie" not in answer.fields


@pytest.mark.parametrize("method", [b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND", b"TRACE"])
async def test_other_methods_are_405(port: int, method: bytes) -> None:
    answer = await ask(port, b"/provision/001565123456.cfg", method=method)
    assert answer.status == 405
    assert answer.fields["allow"] == "GET, HEAD, PUT, POST"


@pytest.mark.parametrize("path", [b"/provision/" + b"a" * 2000, b"/provision/%00.cfg"])
async def test_a_path_that_no_file_can_have_is_on_record(port: int, path: bytes) -> None:
    answer = await ask(port, path)
    assert answer.status in (400, 414)
    assert answer.body.startswith(b"P205 ")
    history = await ask(port, b"/api/provisioning/requests?limit=1")
    newest = json.loads(history.body)["requests"][0]
    assert (newest["fault"], newest["success"]) == ("P205", False)
