"""What slow, half-open and flooding peers on streams can do: nothing to a registered phone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.tcp import TcpLimits
from tests.integration.engine_room import Room, running
from tests.integration.stream_phone import StreamPhone, stream_phone
from tests.unit.sip.build import register

QUICK = TcpLimits(partial_s=0.3, idle_s=0.3, unread_s=0.3, close_s=0.2)
PATIENT = TcpLimits(partial_s=60, idle_s=60)


@pytest.fixture
def room() -> Room:
    return Room()


@contextlib.asynccontextmanager
async def engine_with(room: Room, limits: TcpLimits) -> AsyncIterator[EmbeddedEngine]:
    async with running(room.engine(limits=limits)) as engine:
        yield engine


def a_lot() -> bytes:
    """Requests whose answers fill every buffer between us and a peer that does not read."""
    return register().replace(b"REGISTER", b"OPTIONS").replace(b"/UDP", b"/TCP") * 200


# --- slow and silent peers -----------------------------------------------------------------------


async def test_a_silent_peer_is_closed_before_its_first_message(room: Room) -> None:
    async with engine_with(room, QUICK) as engine, stream_phone(engine.port) as peer:
        assert await peer.is_cut_off()


async def test_a_half_message_is_closed(room: Room) -> None:
    async with (
        engine_with(room, replace(QUICK, idle_s=60)) as engine,
        stream_phone(engine.port) as peer,
    ):
        peer.send(register() + register()[:200])
        assert await peer.is_cut_off()


async def test_a_half_body_is_closed_on_a_registered_phones_connection_too(room: Room) -> None:
    async with (
        engine_with(room, replace(QUICK, idle_s=60)) as engine,
        stream_phone(engine.port) as peer,
    ):
        assert await peer.register("1001") == 200
        peer.send(register().replace(b"Content-Length: 0", b"Content-Length: 100"))
        assert await peer.is_cut_off()


async def test_pings_alone_do_not_keep_a_stranger(room: Room) -> None:
    async with (
        engine_with(room, replace(QUICK, partial_s=0.5)) as engine,
        stream_phone(engine.port) as peer,
    ):

        async def ping() -> None:
            while True:
                peer.writer.write(b"\r\n\r\n")
                await asyncio.sleep(0.05)  # the peer's own pace

        pinging = asyncio.ensure_future(ping())
        assert await peer.is_cut_off()
        pinging.cancel()


# --- peers that do not read ----------------------------------------------------------------------


@contextlib.contextmanager
def deaf_peer(engine: EmbeddedEngine) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", engine.port))
        raw.setblocking(False)
        yield raw


async def test_a_peer_that_never_reads_costs_bounded_memory(room: Room) -> None:
    limits = replace(PATIENT, unread_bytes=100_000, unread_s=60)
    async with engine_with(room, limits) as engine:
        with deaf_peer(engine) as raw:
            await until_reset(raw)
        assert engine.health().counters["tcp_connections"] == 0


async def test_a_peer_that_stops_reading_has_little_time(room: Room) -> None:
    limits = replace(PATIENT, unread_bytes=10**9, unread_s=0.3)
    async with engine_with(room, limits) as engine:
        with deaf_peer(engine) as raw:
            await until_reset(raw)


async def until_reset(raw: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            while True:
                await loop.sock_sendall(raw, a_lot())


async def test_a_closed_connection_of_a_deaf_peer_does_not_stay(room: Room) -> None:
    limits = replace(PATIENT, unread_bytes=10**9, unread_s=60, close_s=0.2)
    async with engine_with(room, limits) as engine:
        with deaf_peer(engine) as raw:
            loop = asyncio.get_running_loop()
            for _ in range(20):
                await loop.sock_sendall(raw, a_lot())
            await loop.sock_sendall(raw, b"no SIP at all\r\n\r\n")
            async with asyncio.timeout(10):
                while not engine.health().counters.get("malformed"):  # noqa: ASYNC110 # nor that
                    await asyncio.sleep(0.01)
                while engine.health().counters["tcp_connections"]:  # noqa: ASYNC110 # nothing tells
                    await asyncio.sleep(0.01)


# --- floods --------------------------------------------------------------------------------------


async def test_a_flood_without_line_breaks_is_closed_at_64_kb(room: Room) -> None:
    async with engine_with(room, PATIENT) as engine, stream_phone(engine.port) as peer:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                peer.writer.write(b"x" * 10_000)
                await peer.writer.drain()
        assert await peer.is_cut_off()
        assert engine.health().counters["malformed"] == 1


async def test_a_flood_of_pings_in_one_segment_gets_one_answer(room: Room) -> None:
    async with engine_with(room, PATIENT) as engine, stream_phone(engine.port) as peer:
        peer.send(b"\r\n\r\n" * 500 + register())
        assert (await peer.response()).status == 401
        assert engine.health().counters["received"] < 20


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"-1", 400),
        (b"1e3", 400),
        (b"99999999999999999999", 513),
        (b"65536", 513),
        (b"0\r\nContent-Length: 5", 400),
    ],
)
async def test_a_content_length_that_cannot_be_is_answered_and_closed(
    room: Room, length: bytes, status: int
) -> None:
    async with engine_with(room, PATIENT) as engine, stream_phone(engine.port) as peer:
        peer.send(register().replace(b"Content-Length: 0", b"Content-Length: " + length))
        assert (await peer.response()).status == status
        assert await peer.is_cut_off()


async def test_a_flood_of_one_host_leaves_room_for_its_own_registered_phone(room: Room) -> None:
    async with (
        engine_with(room, replace(PATIENT, per_host=4)) as engine,
        contextlib.AsyncExitStack() as stack,
    ):
        phone = await stack.enter_async_context(stream_phone(engine.port))
        assert await phone.register("1001") == 200
        flood = [await stack.enter_async_context(stream_phone(engine.port)) for _ in range(3)]
        again = await stack.enter_async_context(stream_phone(engine.port))
        assert await flood[0].is_cut_off()  # the oldest stranger makes room
        assert await again.register("1002") == 200
        assert await phone.register("1001") == 200
        assert engine.health().counters["tcp_evicted"] == 1


async def test_strangers_of_an_unknown_host_are_refused(room: Room) -> None:
    async with (
        engine_with(room, replace(PATIENT, connections=2)) as engine,
        stream_phone(engine.port) as first,
        stream_phone(engine.port),
        stream_phone(engine.port) as third,
    ):
        assert await third.is_cut_off()
        first.send(register())
        assert (await first.response()).status == 401
        counters = engine.health().counters
        assert (counters["tcp_refused"], counters["tcp_evicted"]) == (1, 0)


@contextlib.asynccontextmanager
async def from_address(address: str, port: int) -> AsyncIterator[StreamPhone]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield StreamPhone(reader, writer, "tcp")
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_full_house_makes_room_for_a_known_phone_of_another_host(room: Room) -> None:
    async with (
        engine_with(room, replace(PATIENT, connections=4)) as engine,
        contextlib.AsyncExitStack() as stack,
    ):
        phone = await stack.enter_async_context(from_address("127.0.0.7", engine.port))
        assert await phone.register("1001") == 200
        strangers = [
            await stack.enter_async_context(from_address(f"127.0.0.{n}", engine.port))
            for n in (8, 9, 9)
        ]
        back = await stack.enter_async_context(from_address("127.0.0.7", engine.port))
        assert await back.register("1001") == 200
        assert await strangers[1].is_cut_off()  # of the host that has most of them
        strangers[0].send(register())
        assert (await strangers[0].response()).status == 401


async def test_only_registered_phones_fill_the_house(room: Room) -> None:
    async with (
        engine_with(room, replace(PATIENT, connections=1)) as engine,
        stream_phone(engine.port) as phone,
    ):
        assert await phone.register("1001") == 200
        async with stream_phone(engine.port) as second:
            assert await second.is_cut_off()
        assert await phone.register("1001") == 200


# --- datagrams -----------------------------------------------------------------------------------


async def test_the_largest_datagrams_are_answered_or_dropped(room: Room) -> None:
    async with engine_with(room, PATIENT) as engine:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            to = ("127.0.0.1", engine.port)
            await loop.sock_sendto(raw, b"x" * 65_000, to)
            await loop.sock_sendto(raw, register("X: " + "y" * 60_000), to)
            await loop.sock_sendto(raw, register(), to)
            async with asyncio.timeout(5):
                answers = [await loop.sock_recv(raw, 65_535) for _ in range(2)]
        assert all(b"SIP/2.0 401" in answer for answer in answers)
        assert all(len(answer) < 1300 for answer in answers)
        assert engine.health().counters["malformed"] == 1


async def test_an_answer_goes_to_the_sender_whatever_its_via_says(room: Room) -> None:
    async with engine_with(room, PATIENT) as engine:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw,
        ):
            loop = asyncio.get_running_loop()
            for each in (victim, raw):
                each.setblocking(False)
            victim.bind(("127.0.0.2", 0))
            place = f"127.0.0.2:{victim.getsockname()[1]}".encode()
            data = register().replace(b"192.0.2.10:5062;branch", place + b";branch")
            await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
            async with asyncio.timeout(5):
                assert b"SIP/2.0 401" in await loop.sock_recv(raw, 65_535)
            with pytest.raises(BlockingIOError):
                victim.recv(65_535)
