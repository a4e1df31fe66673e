"""Calls served without the framework's routing are answered exactly as with it, byte for byte.

The same call with a query (`?preview=false`, the default) goes the usual way.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from offhook.web.gate import ApiGate
from offhook.web.phones import Reply
from tests.integration.running import Running, client, running_pbx

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXTENSIONS, DEVICES = "/api/extensions", "/api/provisioning/devices"
USUAL = "?preview=false"
DEVICE = {
    "mac_address": "001565123456",
    "extension_number": "1001",
    "vendor": "yealink",
    "model": "t46s",
}

BODIES: list[tuple[str, Any]] = [
    (EXTENSIONS, {"number": "1001", "name": "John Smith"}),
    (EXTENSIONS, {"number": "1001", "name": "John Smith"}),
    (EXTENSIONS, {"number": "1002", "name": "Zoë", "email": "z@example.com", "secret": "abcdef12"}),
    (EXTENSIONS, {"number": "1003", "name": "two\nlines"}),
    (EXTENSIONS, {"number": "1003", "name": "x", "secret": "?"}),
    (EXTENSIONS, b'{"number": "1003", "name": "\\ud800"}'),
    (EXTENSIONS, {"number": "1003", "name": "nul\0"}),
    (EXTENSIONS, {"number": 1003, "name": "x"}),
    (EXTENSIONS, {"number": "1003"}),
    (EXTENSIONS, {"number": "1003", "name": "x", "nonsense": 1}),
    (EXTENSIONS, {}),
    (EXTENSIONS, []),
    (EXTENSIONS, b""),
    (EXTENSIONS, b"{"),
    (EXTENSIONS, b"null"),
    (EXTENSIONS, b"\xff\xfe\xfa"),
    (EXTENSIONS, b'{"a":' * 5000),
    (EXTENSIONS, b'{"number":"1004","number":"1005","name":"said twice"}'),
    (EXTENSIONS, '{"number":"1006","name":"wide"}'.encode("utf-16")),
    (DEVICES, DEVICE),
    (DEVICES, DEVICE),
    (DEVICES, {**DEVICE, "mac_address": "00:15:65:12:34:57", "label": "Door"}),
    (DEVICES, {**DEVICE, "lines": [{"extension_number": "1001"}, {"extension_number": "1002"}]}),
    (DEVICES, {**DEVICE, "lines": []}),
    (DEVICES, {**DEVICE, "settings": {"timezone": "Europe/Berlin", "1abc": "x"}}),
    (DEVICES, {**DEVICE, "settings": {"timezone": "Europe/Berlin"}, "admin_password": "Abcdef1"}),
    (DEVICES, {**DEVICE, "vendor": "nobody"}),
    (DEVICES, {**DEVICE, "model": "t99"}),
    (DEVICES, {**DEVICE, "mac_address": "nonsense"}),
    (DEVICES, {**DEVICE, "extension_number": "4711"}),
    (DEVICES, {**DEVICE, "extension_number": None}),
    (DEVICES, {**DEVICE, "lines": "1001"}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Running, Running]]:
    """Two servers with the same clock."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    folders: list[Path] = [tmp_path_factory.mktemp("pbx-a"), tmp_path_factory.mktemp("pbx-b")]
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(running_pbx(folder, lambda: moment))
            for folder in folders
        ]
        yield one, other


async def same(pair: tuple[Running, Running], path: str, body: Any) -> httpx.Response:
    """Send it to both, one the usual way; gives the answer, after comparing all of it."""
    answers = []
    for running, query in zip(pair, ("", USUAL), strict=True):
        async with client(running) as api:
            kind = {"content": body} if isinstance(body, bytes) else {"json": body}
            answers.append(await api.post(path + query, **kind))
    one, other = answers
    assert _told(one, pair[0]) == _told(other, pair[1])
    return one


def _told(answer: httpx.Response, running: Running) -> tuple[object, ...]:
    """The whole of an answer, without what is chance: port, folder, date, id of the call."""
    headers = sorted((name, text) for name, text in answer.headers.items() if name != "date")
    text = answer.text.replace(f":{running.http.port}/", ":PORT/").replace("pbx-b", "pbx-a")
    return answer.status_code, headers, re.sub(r"\b[0-9a-f]{12}\b(?=[ \"])", "ID", text)


async def test_answers_are_the_same_both_ways(
    pair: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    direct: list[int] = []
    usual = ApiGate.call

    async def noted(self: ApiGate, *args: Any) -> Reply | None:
        reply = await usual(self, *args)
        direct.extend([] if reply is None else [reply.status])
        return reply

    monkeypatch.setattr(ApiGate, "call", noted)
    codes = [(await same(pair, path, body)).status_code for path, body in BODIES]
    assert {200, 201, 400, 409} == set(codes) == set(direct)
    assert len(direct) < len(codes)
    one, other = (running.services.state for running in pair)
    assert one.devices.keys() == other.devices.keys()
    assert one.extensions.keys() == other.extensions.keys()
    changes = []
    for running in pair:
        async with client(running) as api:
            changes.append((await api.get("/api/changes?limit=1000")).json())
    assert changes[0] == changes[1]


async def test_a_defect_and_a_failed_database_are_answered_the_same(
    pair: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    for running in pair:

        async def broken(*_args: object, **_more: object) -> None:
            raise RuntimeError("a mistake of ours")

        monkeypatch.setattr(running.services.devices, "put_device", broken)
    answer = await same(pair, DEVICES, DEVICE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    monkeypatch.undo()
    for running in pair:
        monkeypatch.setattr(running.pbx.store.database, "_is_closed", True)
    answer = await same(pair, EXTENSIONS, {"number": "1999", "name": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_failed")
    assert all("1999" not in running.services.state.extensions for running in pair)
