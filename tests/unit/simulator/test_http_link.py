"""The fleet's HTTP: one connection for each request or one for all, odd answers refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from offhook.simulator.http_answer import FetchError
from offhook.simulator.http_fetch import fetch
from offhook.simulator.http_link import HttpLink, Place, find_place

Answers = Callable[[int, int], bytes]
"""What to answer to the n-th request of the m-th connection; nothing closes it."""


class Server:
    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.peers: list[str] = []
        self.port = 0
        self.close_after_one = False

    def place(self) -> Place:
        return Place(address="127.0.0.1", port=self.port, host="pbx.test", path="/")


@asynccontextmanager
async def serving(answers: Answers) -> AsyncIterator[Server]:
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = len(server.peers)
        server.peers.append(writer.get_extra_info("peername")[0])
        requests = 0
        try:
            while True:
                server.heads.append(await reader.readuntil(b"\r\n\r\n"))
                answer = answers(connection, requests)
                requests += 1
                if not answer:
                    return
                writer.write(answer)
                await writer.drain()
                if server.close_after_one:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


def ok(_: int, __: int) -> bytes:
    return b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 3\r\n\r\nabc'


async def test_each_request_has_a_connection_of_its_own():
    async with serving(ok) as server:
        link = HttpLink(server.place(), source="127.64.0.9")
        for _ in range(2):
            answer = await link.ask("/$mac.cfg", [("User-Agent", "A")], timeout_s=5)
            assert (answer.status, answer.headers["etag"], answer.body) == (200, '"x"', b"abc")
    assert server.peers == ["127.64.0.9", "127.64.0.9"]
    lines = server.heads[0].decode().split("\r\n")
    assert lines[0] == "GET /$mac.cfg HTTP/1.1"
    assert f"Host: pbx.test:{server.port}" in lines
    assert "Connection: close" in lines


async def test_a_kept_connection_carries_all_requests():
    async with serving(ok) as server:
        link = HttpLink(server.place(), keeps=True)
        for _ in range(3):
            assert (await link.ask("/a", [], timeout_s=5)).body == b"abc"
        link.close()
        link.close()
    assert len(server.peers) == 1
    assert len(server.heads) == 3
    assert b"Connection: keep-alive" in server.heads[0]


async def test_a_kept_connection_that_was_closed_is_opened_again():
    async with serving(lambda connection, request: ok(0, 0) if request == 0 else b"") as server:
        link = HttpLink(server.place(), keeps=True)
        assert (await link.ask("/a", [], timeout_s=5)).status == 200
        assert (await link.ask("/b", [], timeout_s=5)).status == 200
        link.close()
    assert len(server.peers) == 2


async def test_a_connection_that_the_server_closes_is_not_kept():
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda *_: answer) as server:
        link = HttpLink(server.place(), keeps=True)
        await link.ask("/a", [], timeout_s=5)
        await link.ask("/b", [], timeout_s=5)
        link.close()
    assert len(server.peers) == 2


async def test_a_body_is_sent_with_its_length():
    async with serving(ok) as server:
        link = HttpLink(server.place())
        await link.ask("/a", [], timeout_s=5, method="POST", body=b"{}")
    assert server.heads[0].startswith(b"POST /a HTTP/1.1")
    assert b"Content-Length: 2\r\n" in server.heads[0]


async def test_reads_until_the_end_without_a_length():
    async with serving(lambda *_: b"HTTP/1.0 200 OK\r\n\r\nall") as server:
        link = HttpLink(server.place(), keeps=True)
        server.close_after_one = True
        answer = await link.ask("/", [], timeout_s=5)
    assert (answer.status, answer.body) == (200, b"all")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 404, b"gone"),
    ],
)
async def test_reads_every_status(answer, status, body):
    async with serving(lambda *_: answer) as server:
        found = await HttpLink(server.place()).ask("/a", [], timeout_s=5)
    assert (found.status, found.body) == (status, body)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "broke off"),
        (b"SSH-2.0-x\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "without a colon"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "does not end"),
    ],
)
async def test_what_a_phone_could_not_read_is_an_error(answer, reason):
    async with serving(lambda *_: answer) as server:
        with pytest.raises(FetchError, match=reason):
            await HttpLink(server.place()).ask("/", [], timeout_s=5)


async def test_nobody_there_is_an_error():
    async with serving(ok) as server:
        pass
    with pytest.raises(FetchError, match="refused"):
        await HttpLink(server.place()).ask("/", [], timeout_s=5)


async def test_silence_ends_after_the_time():
    released = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    listening = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        link = HttpLink(Place(address="127.0.0.1", port=port, host="a", path="/"))
        with pytest.raises(FetchError, match="no answer in"):
            await link.ask("/", [], timeout_s=0.05)
        released.set()


async def test_a_url_names_a_place():
    place = await find_place("https://127.0.0.1:8443/provision/")
    assert (place.address, place.port, place.path) == ("127.0.0.1", 8443, "/provision/")
    assert place.tls is not None
    assert (await find_place("http://[::1]/")).host_header == "[::1]:80"
    with pytest.raises(ValueError, match="is no http"):
        await find_place("ftp://127.0.0.1/")


async def test_one_request_by_host_and_port():
    async with serving(ok) as server:
        found = await fetch("localhost", server.port, "/a", {"User-Agent": "A"}, timeout_s=5)
    assert (found.status, found.body) == (200, b"abc")
    with pytest.raises(FetchError):
        await fetch("no-such-host.invalid", 80, "/a", {}, timeout_s=5)
