"""The simulated phone's HTTP client: real answers are read, odd ones are refused as it would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from offhook.simulator.http_fetch import FetchError, fetch

asked: list[bytes] = []


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[int]:
    """Give every caller the same bytes, then close."""
    asked.clear()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_sends_the_path_as_it_stands_and_reads_the_answer():
    answer = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 3\r\n\r\nabcd'
    async with server(answer) as port:
        found = await fetch("127.0.0.1", port, "/p/$mac.cfg", {"User-Agent": "A"}, timeout_s=5)
    assert (found.status, found.headers["etag"], found.body) == (200, '"x"', b"abc")
    head = asked[0].decode().split("\r\n")
    assert head[0] == "GET /p/$mac.cfg HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in head
    assert "User-Agent: A" in head


async def test_reads_until_the_end_without_a_length():
    async with server(b"HTTP/1.0 404 Not Found\r\n\r\ngone") as port:
        found = await fetch("127.0.0.1", port, "/", {}, timeout_s=5)
    assert (found.status, found.body) == (404, b"gone")


async def test_an_unchanged_file_has_no_body():
    async with server(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n") as port:
        found = await fetch("127.0.0.1", port, "/", {}, timeout_s=5)
    assert (found.status, found.body) == (304, b"")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "broke off"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "broke off"),
        (b"SSH-2.0-x\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "without a colon"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked"),
    ],
)
async def test_what_a_phone_could_not_read_is_an_error(answer, reason):
    async with server(answer) as port:
        with pytest.raises(FetchError, match=reason):
            await fetch("127.0.0.1", port, "/", {}, timeout_s=5)


async def test_nobody_there_is_an_error():
    async with server(b"") as port:
        pass
    with pytest.raises(FetchError):
        await fetch("127.0.0.1", port, "/", {}, timeout_s=5)


async def test_silence_ends_after_the_time():
    released = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    listening = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(FetchError, match="no answer in"):
            await fetch("127.0.0.1", port, "/", {}, timeout_s=0.05)
        released.set()
