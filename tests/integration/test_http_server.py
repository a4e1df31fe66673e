"""The server under the API: limits for what strangers send, start and stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.web import protocol
from offhook.web.answer import send_answer
from offhook.web.asgi import Asgi
from offhook.web.protocol import BoundedProtocol
from offhook.web.server import HttpServer, bind_http, serve_http
from tests.integration.running import Running
from tests.integration.wire import ask, exchange, parse

Send = Callable[[Any], Awaitable[None]]


async def hello(_scope: Any, _receive: Any, send: Send) -> None:
    await send_answer(send, 200, b"hello\n", "text/plain")


@asynccontextmanager
async def serving(app: Asgi = hello) -> AsyncIterator[HttpServer]:
    server = await serve_http(app, [bind_http("127.0.0.1", 0)])
    try:
        yield server
    finally:
        await server.stop()


async def closed(data: bytes, port: int) -> bytes:
    """Send bytes and nothing more; gives what came until the server closed."""
    return await exchange(port, data)


async def test_caller_that_closed_its_sending_side_still_gets_a_slow_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_closed = asyncio.Event()
    eof_received = BoundedProtocol.eof_received

    def noted(self: BoundedProtocol) -> bool | None:
        is_closed.set()
        return eof_received(self)

    async def slow(_scope: Any, _receive: Any, send: Send) -> None:
        await is_closed.wait()
        await send_answer(send, 200, b"late\n", "text/plain")

    monkeypatch.setattr(BoundedProtocol, "eof_received", noted)
    async with serving(slow) as server:
        head = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        assert parse(await exchange(server.port, head, closes=True)).body == b"late\n"


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_half_a_request_is_given_up(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(protocol, "REQUEST_TIMEOUT_S", 0.05)
    async with serving() as server:
        assert await closed(data, server.port) == b""


async def test_half_a_second_request_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_TIMEOUT_S", 0.05)
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"hello\n")
        writer.write(b"GET /")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_slow_but_steady_request_is_served() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for piece in (
            b"GE",
            b"T / HTT",
            b"P/1.1\r\nHo",
            b"st: x\r\nConnection: close",
            b"\r\n\r\n",
        ):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert b"200 OK" in await reader.read()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 100) for n in range(700)),
    ],
)
async def test_endless_head_is_refused(head: bytes) -> None:
    async with serving() as server:
        answer = parse(await closed(head, server.port))
        assert answer.status in (400, 431)
        assert answer.fields["connection"] == "close"


async def test_endless_trailers_are_refused() -> None:
    async def slow(_scope: Any, receive: Any, send: Send) -> None:
        message = await receive()
        while message["type"] == "http.request" and message.get("more_body"):
            message = await receive()
        await send_answer(send, 200, b"", "text/plain")

    trailers = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(100))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    async with serving(slow) as server:
        assert parse(await closed(head + trailers, server.port)).status == 400


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"REGISTER sip:x SIP/2.0\r\n\r\n",
        b"GET http:// HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_closed(data: bytes) -> None:
    async with serving() as server:
        assert parse(await closed(data, server.port)).status == 400
        assert (await ask(server.port, b"/")).status == 200


async def test_websocket_is_not_spoken(running: Running) -> None:
    upgrade = (b"Upgrade: websocket", b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13")
    answer = await ask(running.http.port, b"/api/nothing", b"Connection: upgrade", *upgrade)
    assert answer.status == 404


async def test_too_many_connections_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 1)
    async with serving() as server:
        _, first = await asyncio.open_connection("127.0.0.1", server.port)
        first.write(b"GET / HT")
        await first.drain()
        answer = parse(await closed(b"", server.port))
        assert answer.status == 503
        first.close()
        await first.wait_closed()


async def test_requests_in_a_row_without_waiting_are_all_answered() -> None:
    async with serving() as server:
        one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = await exchange(server.port, one * 50 + last)
        assert answer.count(b"HTTP/1.1 200 OK") == 51


async def test_stop_lets_a_running_answer_finish_and_is_idempotent() -> None:
    is_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Send) -> None:
        is_asked.set()
        await may_answer.wait()
        await send_answer(send, 200, b"late\n", "text/plain")

    async with serving(slow) as server:
        asking = asyncio.ensure_future(ask(server.port, b"/"))
        await is_asked.wait()
        stopping = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)
        may_answer.set()
        assert (await asking).body == b"late\n"
        await stopping
        await server.stop()


async def test_stop_does_not_wait_for_idle_and_half_open_connections() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"hello\n")
        other, half = await asyncio.open_connection("127.0.0.1", server.port)
        half.write(b"GET /")
        await half.drain()
        async with asyncio.timeout(2):
            await server.stop()
        assert await reader.read() == b""
        assert await other.read() == b""
        for opened in (writer, half):
            opened.close()
            await asyncio.gather(opened.wait_closed(), return_exceptions=True)


async def test_stopping_what_never_started_closes_its_sockets() -> None:
    listening = bind_http("127.0.0.1", 0)
    await HttpServer(hello, [listening]).stop()
    assert listening.fileno() == -1


async def test_answers_do_not_wait_for_acknowledgements() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"hello\n")
        (connection,) = server._server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        await writer.wait_closed()


async def test_port_in_use_is_an_error() -> None:
    with bind_http("127.0.0.1", 0) as listening, pytest.raises(OSError, match="in use"):
        bind_http("127.0.0.1", listening.getsockname()[1])


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_any_ipv6_address_takes_ipv4_as_well() -> None:
    server = await serve_http(hello, [bind_http("::", 0)])
    assert (await ask(server.port, b"/")).status == 200
    await server.stop()


async def test_signals_are_left_to_the_command() -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with serving():
        assert signal.getsignal(signal.SIGTERM) is before
