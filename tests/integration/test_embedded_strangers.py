"""What strangers and slow peers do to the embedded engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import pytest

from offhook.actions.ports import NotifyKind
from offhook.core.secret import Secret
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.tcp import TcpLimits
from offhook.simulator.sip_phone import SipPhone
from tests.integration.engine_room import Room, order, running, sign_in, signed
from tests.unit.sip.build import register, response_of


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def engine(room: Room) -> AsyncIterator[EmbeddedEngine]:
    async with running(room.engine()) as engine:
        yield engine


@pytest.fixture
async def phone() -> AsyncIterator[SipPhone]:
    phone = SipPhone(timeout_s=2.0)
    yield phone
    await phone.close(silently=True)


QUICK = TcpLimits(per_host=3, partial_s=0.4, idle_s=0.5, dial_s=0.5)


async def test_junk_costs_one_line_and_hurts_nobody(
    engine: EmbeddedEngine, phone: SipPhone, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        for n in range(200):
            raw.sendto(b"junk\x1b[31m\r\n%d" % n, ("127.0.0.1", engine.port))
            raw.sendto(b"OPTIONS sip:x SIP/2.0\r\nA\x1b: b\r\n\r\n", ("127.0.0.1", engine.port))
    assert await sign_in(phone, engine) == 200
    assert engine.health().counters["malformed"] == 400
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert lines[0].isprintable()


async def test_our_own_failure_does_not_stop_the_socket(
    engine: EmbeddedEngine,
    room: Room,
    phone: SipPhone,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(number: str) -> Secret:
        raise RuntimeError("credentials broke")

    monkeypatch.setattr(engine, "_credentials", fail)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        data = register()
        await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
        data = signed(data, await loop.sock_recv(raw, 65_535))
        for _ in range(3):
            await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
        options = register().replace(b"REGISTER", b"OPTIONS")
        await loop.sock_sendto(raw, options, ("127.0.0.1", engine.port))
        assert response_of(await loop.sock_recv(raw, 65_535)).status == 200
        monkeypatch.undo()
        assert await sign_in(phone, engine) == 200
    assert engine.health().counters["failed"] == 3
    assert caplog.text.count("could not be handled") == 1


@contextlib.asynccontextmanager
async def connected(
    engine: EmbeddedEngine,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def read_response(reader: asyncio.StreamReader) -> int:
    return response_of(await reader.readuntil(b"\r\n\r\n")).status


async def is_cut_off(reader: asyncio.StreamReader) -> bool:
    """Wait for the end of a connection; False when it lives for two seconds more."""
    try:
        async with asyncio.timeout(2.0):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


TCP_REGISTER = register(contact="<sip:1001@10.1.2.3;transport=tcp>").replace(b"/UDP", b"/TCP")


async def test_tcp_takes_split_and_joined_messages_and_pings(engine: EmbeddedEngine) -> None:
    async with connected(engine) as (reader, writer):
        writer.write(b"\r\n\r\n" + TCP_REGISTER + TCP_REGISTER[:100])
        assert await reader.readexactly(2) == b"\r\n"
        assert await read_response(reader) == 401
        writer.write(TCP_REGISTER[100:])
        assert await read_response(reader) == 401


async def test_tcp_closes_after_what_cannot_be_framed(engine: EmbeddedEngine) -> None:
    async with connected(engine) as (reader, writer):
        writer.write(TCP_REGISTER.replace(b"Content-Length: 0\r\n", b""))
        assert await read_response(reader) == 400
        assert await is_cut_off(reader)


@pytest.fixture
async def strict(room: Room) -> AsyncIterator[EmbeddedEngine]:
    engine = room.engine(limits=QUICK)
    await engine.start()
    yield engine
    await engine.stop()


async def test_tcp_cuts_off_who_drips(strict: EmbeddedEngine) -> None:
    async with connected(strict) as (reader, writer):

        async def drip() -> None:
            for byte in TCP_REGISTER:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.ensure_future(drip())
        assert await is_cut_off(reader)
        assert not dripping.done()
        dripping.cancel()


async def test_tcp_cuts_off_idle_strangers(strict: EmbeddedEngine) -> None:
    async with connected(strict) as (reader, writer):
        writer.write(b"\r\n\r\n")
        assert await is_cut_off(reader)


async def test_tcp_cuts_off_who_does_not_read(room: Room) -> None:
    engine = room.engine(limits=TcpLimits(unread_bytes=1000))
    await engine.start()
    async with connected(engine) as (reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                writer.write(TCP_REGISTER * 100)
                await writer.drain()
        assert await is_cut_off(reader)
    await engine.stop()


async def test_tcp_keeps_the_connection_of_a_registered_phone(strict: EmbeddedEngine) -> None:
    async with connected(strict) as (reader, writer):
        writer.write(TCP_REGISTER)
        writer.write(signed(TCP_REGISTER, await reader.readuntil(b"\r\n\r\n")))
        assert await read_response(reader) == 200
        # Twice the idle time of these limits: the second order still finds the connection.
        for _ in range(2):
            outcome = asyncio.ensure_future(order(strict, timeout_s=0.7))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(
                b"NOTIFY sip:1001@10.1.2.3;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP"
            )
            assert (await outcome).kind is NotifyKind.UNANSWERED
        again = asyncio.ensure_future(order(strict))
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        closed = await again
    assert (closed.kind, closed.reason) == (
        NotifyKind.FAILED,
        "the phone closed its connection before it answered",
    )
    gone = await order(strict)
    assert (gone.kind, gone.reason) == (NotifyKind.FAILED, "the phone's connection is closed")


async def test_tcp_takes_a_bounded_number_from_one_host(strict: EmbeddedEngine) -> None:
    async with connected(strict), connected(strict), connected(strict):
        async with connected(strict) as (reader, _):
            assert await is_cut_off(reader)
        assert strict.health().counters["tcp_refused"] == 1


async def test_options_are_answered_on_both_transports(engine: EmbeddedEngine) -> None:
    data = register().replace(b"REGISTER", b"OPTIONS")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setblocking(False)
        await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
        assert response_of(await loop.sock_recv(raw, 65_535)).status == 200
    async with connected(engine) as (reader, writer):
        writer.write(data.replace(b"/UDP", b"/TCP"))
        assert await read_response(reader) == 200


async def test_ipv6_works_like_ipv4(room: Room) -> None:
    engine = room.engine(bind="::1")
    try:
        await engine.start()
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")
    phone = SipPhone(bind="::1")
    answer = await phone.register(
        server="::1", port=engine.port, extension="1001", secret="secret1001"
    )
    assert answer is not None
    assert answer.status == 200
    [registration] = engine.registrations("1001")
    assert (registration.address, (await order(engine)).kind) == ("::1", NotifyKind.ACCEPTED)
    await phone.close()
    await engine.stop()
