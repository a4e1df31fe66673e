"""Who asks what it always asks is served before strangers, however many of them were first."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio

from offhook.actions.ports import AttemptQuery
from offhook.web import turns
from tests.integration.running import Running, running_pbx
from tests.integration.test_front import FILE, PHONE, add_device, head, told
from tests.integration.wire import parse

STRANGERS = 30
CLOSE = b"Connection: close"


@pytest_asyncio.fixture
async def running(tmp_path: Any) -> Any:
    """One PBX with one device that asked once, and no limit for its strangers."""
    async with running_pbx(tmp_path, provisioning__unknown_per_minute="1000") as found:
        await add_device(found)
        await told(found.http.port, head(CLOSE))
        yield found


@pytest.fixture
def callers() -> Iterator[list[socket.socket]]:
    """Connections to close at the end."""
    opened: list[socket.socket] = []
    yield opened
    for it in opened:
        it.close()


def ask(port: int, data: bytes, callers: list[socket.socket]) -> socket.socket:
    """Connect and ask while the server, in this very thread, cannot do anything."""
    opened = socket.create_connection(("127.0.0.1", port))
    callers.append(opened)
    opened.sendall(data)
    return opened


async def heard(caller: socket.socket) -> int:
    """Give the status of the answer."""
    reader, writer = await asyncio.open_connection(sock=caller)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return parse(answer).status


def stranger(at: int, *lines: bytes) -> bytes:
    """The request of a phone that is none of ours."""
    return head(*lines, target=b"/provision/0015659999%02x.cfg" % at)


def flood(port: int, callers: list[socket.socket]) -> None:
    """Let all strangers ask."""
    for at in range(STRANGERS):
        ask(port, stranger(at, CLOSE), callers)


async def macs_in_order(running: Running) -> list[Any]:
    _, found = await running.services.journal.attempts(AttemptQuery(limit=STRANGERS + 1))
    return [it.mac for it in sorted(found, key=lambda it: it.at)]


async def test_a_known_phone_goes_before_strangers_that_came_first(
    running: Running, callers: list[socket.socket]
) -> None:
    port = running.http.port
    flood(port, callers)
    ask(port, head(CLOSE), callers)
    assert [await heard(it) for it in callers] == [404] * STRANGERS + [200]
    assert (await macs_in_order(running)).index(PHONE) == 0


async def test_a_new_file_of_a_known_phone_goes_before_strangers(
    running: Running, callers: list[socket.socket]
) -> None:
    port = running.http.port
    flood(port, callers)
    ask(port, head(b"X-New: yes", CLOSE), callers)
    assert [await heard(it) for it in callers] == [404] * STRANGERS + [200]
    # One stranger may have been begun with before the phone was accepted.
    assert (await macs_in_order(running)).index(PHONE) <= 1


async def test_strangers_on_kept_connections_wait_as_well(
    running: Running, callers: list[socket.socket]
) -> None:
    port = running.http.port
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    for at, (_, writer) in enumerate(streams):
        writer.write(stranger(at))
        writer.write(stranger(at + 10))
    for reader, writer in streams:
        for _ in range(2):
            begin = await reader.readuntil(b"\r\n\r\n")
            found = parse(begin)
            assert found.status == 404
            await reader.readexactly(int(found.fields["content-length"]))
        writer.close()


async def test_too_many_strangers_are_turned_away_and_phones_are_not(
    running: Running, callers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "STRANGERS_MAX", 5)
    port = running.http.port
    flood(port, callers)
    ask(port, head(CLOSE), callers)
    ask(port, head(b"X-New: yes", CLOSE), callers)
    *strangers, known, new = [await heard(it) for it in callers]
    assert (known, new) == (200, 200)
    assert set(strangers) == {404, 503}
    assert strangers.count(503) >= STRANGERS - 10


async def test_callers_that_are_gone_leave_nothing_behind(
    running: Running, callers: list[socket.socket]
) -> None:
    port = running.http.port
    for at in range(STRANGERS):
        ask(port, stranger(at, CLOSE), callers).close()
    callers.clear()
    assert parse(await told(port, head(b"X-New: yes", CLOSE, target=FILE))).status == 200


async def test_a_stop_answers_those_that_wait(
    running: Running, callers: list[socket.socket]
) -> None:
    port = running.http.port
    flood(port, callers)
    await running.http.stop()
    assert [await heard(it) for it in callers] == [404] * STRANGERS
