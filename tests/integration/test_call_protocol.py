"""Plain calls answered without uvicorn's parser: to the byte what uvicorn sends, however they come.

A request whose first bytes come alone is uvicorn's from the beginning.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from offhook.web import call_protocol
from offhook.web.call_protocol import CallProtocol
from offhook.web.front_protocol import House
from offhook.web.gate import ApiGate
from tests.integration.running import Running, running_pbx
from tests.integration.test_front import answer_of
from tests.integration.wire import parse

EXTENSIONS = b"/api/extensions"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """One PBX whose API is made, at a moment that stays."""
    async with running_pbx(tmp_path, lambda: datetime(2026, 1, 2, tzinfo=UTC)) as found:
        async with opened(found) as (reader, writer):
            writer.write(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert parse(await answer_of(reader)).status == 200
        yield found


@asynccontextmanager
async def opened(running: Running) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http.port)
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


def call(number: str, *lines: bytes, name: str = "New", target: bytes = EXTENSIONS) -> bytes:
    """A call that adds an extension."""
    body = json.dumps({"number": number, "name": name}).encode()
    head = [b"POST " + target + b" HTTP/1.1", b"Host: localhost", *lines]
    head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", body])


def house(running: Running) -> House:
    """What all connections of the server share."""
    return running.http._doors[0].house


def calling(running: Running) -> list[CallProtocol]:
    """The connections that are not uvicorn's."""
    return [it for it in house(running).state.connections if isinstance(it, CallProtocol)]


async def told(running: Running, *pieces: bytes) -> bytes:
    """Send a request in pieces; gives its answer."""
    async with opened(running) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        return await answer_of(reader)


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ((), "two\nlines"),
        ((b"Connection: close",), ""),
        ((b"Connection: keep-alive", b"Content-Type: text/plain"), "x" * 200),
        ((b"Authorization: Bearer nonsense",), "New"),
        ((b"Host: other.example",), "New"),
        ((b"Origin: http://elsewhere",), "New"),
        ((b"X-Forwarded-For: 10.0.0.1",), "New"),
        ((), "x" * 70_000),
    ],
)
async def test_refusals_are_those_of_the_usual_way(
    running: Running, lines: tuple[bytes, ...], name: str
) -> None:
    data = call("1001", *lines, name=name)
    direct, usual = await told(running, data), await told(running, data[:5], data[5:])
    assert direct == usual
    assert parse(direct).status >= 400


async def test_a_call_in_pieces_is_answered_when_it_is_whole(running: Running) -> None:
    data = call("1001")
    cut = data.index(b"\r\n\r\n") + 4
    answer = await told(running, data[:cut], data[cut : cut + 9], data[cut + 9 :])
    assert parse(answer).status == 201
    usual = call("1002")
    other = await told(running, usual[:5], usual[5:])
    assert answer == other.replace(b"1002", b"1001")


async def test_calls_sent_at_once_are_answered_in_turn(running: Running) -> None:
    async with opened(running) as (reader, writer):
        writer.write(b"".join(call(str(number)) for number in range(2000, 2040)))
        for number in range(2000, 2040):
            assert b'"number":"%d"' % number in await answer_of(reader)
        assert len(calling(running)) == 1


async def test_other_requests_on_the_connection_are_served_too(running: Running) -> None:
    async with opened(running) as (reader, writer):
        for number in (1001, 1002):
            writer.write(call(str(number)))
            assert parse(await answer_of(reader)).status == 201
            writer.write(b"GET /api/extensions/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            assert parse(await answer_of(reader)).status == 200
    assert not calling(running)


async def test_closes_where_nothing_more_will_come(running: Running) -> None:
    async with opened(running) as (reader, writer):
        writer.write(call("1001"))
        writer.write_eof()
        answer = await answer_of(reader)
        assert parse(answer).fields["connection"] == "close"
        assert await reader.read() == b""
    async with opened(running) as (reader, writer):
        writer.write(call("1002", b"Connection: close"))
        assert parse(await answer_of(reader)).status == 201
        assert await reader.read() == b""


async def test_a_call_is_done_though_its_caller_left(running: Running) -> None:
    async with opened(running) as (_, writer):
        writer.write(call("1001"))
        await writer.drain()
    async with asyncio.timeout(10):
        while "1001" not in running.services.state.extensions:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_a_body_that_is_late_is_waited_for_by_uvicorn(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_protocol, "REST_S", 0.0)
    data = call("1001")
    async with opened(running) as (reader, writer):
        writer.write(data[:-5])
        while not calling(running):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
        house(running).sweep()
        assert not calling(running)
        writer.write(data[-5:])
        assert parse(await answer_of(reader)).status == 201


async def test_idle_connections_are_closed(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(running) as (reader, writer):
        writer.write(call("1001"))
        await answer_of(reader)
        (connection,) = calling(running)
        house(running).sweep()
        assert not connection.transport.is_closing()
        connection.idle_until_s = 0.0
        house(running).sweep()
        assert await reader.read() == b""


async def test_a_server_that_stops_finishes_what_it_is_answering(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, released = asyncio.Event(), asyncio.Event()
    usual = ApiGate.call

    async def slow(self: ApiGate, *args: Any) -> Any:
        begun.set()
        await released.wait()
        return await usual(self, *args)

    monkeypatch.setattr(ApiGate, "call", slow)
    async with opened(running) as (reader, writer):
        writer.write(call("1001"))
        await begun.wait()
        (connection,) = calling(running)
        stopping = asyncio.ensure_future(running.http.stop())
        while not connection._is_ending:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
        released.set()
        assert parse(await answer_of(reader)).fields["connection"] == "close"
        await stopping


async def test_who_does_not_read_its_answers_waits(running: Running) -> None:
    async with opened(running) as (reader, writer):
        writer.write(call("1001"))
        await answer_of(reader)
        (connection,) = calling(running)
        connection.pause_writing()
        for number in range(2000, 3000):
            writer.write(call(str(number)))
        while connection.transport.is_reading():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
        assert running.services.state.extensions.keys() == {"1001"}
        connection.resume_writing()
        for number in range(2000, 3000):
            assert b'"number":"%d"' % number in await answer_of(reader)


async def test_who_said_all_gets_its_answer_and_the_end(running: Running) -> None:
    """A call that has to go the usual way too: uvicorn is told that nothing more comes."""
    async with opened(running) as (reader, writer):
        writer.write(call("1001", name="two\nlines"))
        writer.write_eof()
        async with asyncio.timeout(10):  # sooner than an idle connection is closed
            assert parse(await answer_of(reader)).status == 400
            assert await reader.read() == b""
