"""Guessing, replaying and flooding over real sockets, and the real phone that goes on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from functools import _lru_cache_wrapper, partial
from pathlib import Path

import pytest

from offhook.core.events import PhoneRegistered
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.strangers import Allowance
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.message import MAX_MESSAGE_BYTES
from tests.integration.engine_room import Room, running, sign_in, signed
from tests.integration.exchange import ENGINES, Exchange
from tests.integration.strange import Stranger, strange

LIMIT = 3
BURST = 40


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def engine(room: Room, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedEngine]:
    allowance = partial(Allowance, burst=BURST, a_second=1.0)
    monkeypatch.setattr("offhook.engines.embedded.Allowance", allowance)
    async with running(room.engine(failures_a_minute=LIMIT)) as engine:
        yield engine


@pytest.fixture
async def unhurried(room: Room) -> AsyncIterator[EmbeddedEngine]:
    async with running(room.engine(failures_a_minute=LIMIT)) as engine:
        yield engine


@pytest.fixture
async def phone() -> AsyncIterator[SipPhone]:
    phone = SipPhone(timeout_s=5.0)
    yield phone
    await phone.close(silently=True)


@pytest.fixture(params=ENGINES)
async def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Exchange]:
    async with request.param(tmp_path) as exchange:
        yield exchange


async def refreshed(phone: SipPhone) -> int:
    answer = await phone.refresh()
    assert answer is not None
    return answer.status


async def joins(phone: SipPhone, exchange: Exchange, number: str) -> int:
    answer = await phone.register(
        server="127.0.0.1",
        port=exchange.ports["udp"],
        extension=number,
        secret=f"secret{number}",
    )
    assert answer is not None
    return answer.status


async def test_guessing_ends_and_the_phone_behind_the_same_address_goes_on(
    exchange: Exchange, phone: SipPhone
) -> None:
    port = exchange.ports["udp"]
    assert await joins(phone, exchange, "1001") == 200
    with Stranger("127.0.0.1", port) as guesser:
        assert await guesser.tries("1001", "guess", 24) == [401] * 21 + [403] * 3
        assert await guesser.tries("1001", "secret1001") == [403], "even the right one"
    assert await refreshed(phone) == 200
    with Stranger("127.0.0.7", port) as other:
        assert await other.tries("1001", "secret1001") == [200], "nobody guessed from there"


async def test_a_captured_register_is_good_for_nobody(exchange: Exchange) -> None:
    port = exchange.ports["udp"]
    with Stranger("127.0.0.1", port) as victim:
        data = strange("REGISTER", "1001")
        captured = signed(data, await victim.ask(data))
        assert await victim.status(captured) == 200
        await exchange.room.wait(PhoneRegistered)
        for host in ("127.0.0.1", "127.0.0.7"):
            with Stranger(host, port) as thief:
                stolen = captured.replace(b"branch=z9hG4bK", b"branch=z9hG4bK" + host.encode())
                assert await thief.status(stolen) == 401
        assert await victim.status(captured) == 200, "its own retransmission"
    [registration] = exchange.engine.registrations("1001")
    assert registration.source == f"udp:127.0.0.1:{victim.port}"


async def test_a_bar_tells_nothing_of_who_exists(engine: EmbeddedEngine) -> None:
    told = {}
    for at, number in enumerate(("1001", "9999"), 11):
        with Stranger(f"127.0.0.{at}", engine.port) as guesser:
            told[number] = await guesser.tries(number, "guess", 6)
    assert told["1001"] == told["9999"]


async def test_one_guessing_at_many_extensions_is_barred_for_all(
    unhurried: EmbeddedEngine,
) -> None:
    with Stranger("127.0.0.9", unhurried.port) as guesser:
        told = [(await guesser.tries(str(2000 + n), "guess"))[0] for n in range(33)]
        assert told == [401] * 31 + [403] * 2
        assert await guesser.tries("1002", "secret1002") == [403]


async def test_many_guessing_at_one_extension_are_slowed_and_its_phone_gets_in(
    engine: EmbeddedEngine, phone: SipPhone
) -> None:
    let_in = Counter[int]()
    for at in range(60):
        with Stranger(f"127.0.2.{at + 1}", engine.port) as guesser:
            let_in.update(await guesser.tries("1001", "guess", LIMIT))
    # Ten times the limit freely, then one try from each new address.
    assert let_in[401] == 10 * LIMIT + 50
    assert await sign_in(phone, engine) == 200, "a new phone, from where nobody guessed"
    assert await refreshed(phone) == 200


async def test_a_nonce_is_good_only_where_it_was_given(engine: EmbeddedEngine) -> None:
    data = strange("REGISTER", "1001")
    with (
        Stranger("127.0.0.1", engine.port) as asker,
        Stranger("127.0.0.7", engine.port) as user,
    ):
        answer = await user.ask(signed(data, await asker.ask(data)))
    assert answer.startswith(b"SIP/2.0 401 ")
    assert b"stale=true" in answer
    assert engine.registrations("1001") == ()


async def test_a_flood_is_dropped_and_the_phone_behind_the_same_address_goes_on(
    engine: EmbeddedEngine, phone: SipPhone
) -> None:
    assert await sign_in(phone, engine) == 200
    with Stranger("127.0.0.1", engine.port) as flooder:
        for _ in range(10 * BURST):
            flooder.send(strange("REGISTER", "1001"))
        assert await refreshed(phone) == 200
    with Stranger("127.0.0.7", engine.port) as other:
        assert await other.status(strange("REGISTER", "1002")) == 401
    counters = engine.health().counters
    assert counters["throttled"] > 8 * BURST
    assert counters["answered_401"] < 2 * BURST


async def test_a_flood_over_tcp_closes_its_connection(engine: EmbeddedEngine) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    told = bytearray()

    async def listen() -> None:
        # Closed on unread bytes, it ends with a reset instead of an end (RFC 1122 §4.2.2.13).
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                told.extend(data)

    listening = asyncio.ensure_future(listen())
    with contextlib.suppress(ConnectionError):
        for _ in range(2 * BURST):
            writer.write(strange("OPTIONS", "1001").replace(b"/UDP", b"/TCP"))
            await writer.drain()
    async with asyncio.timeout(10.0):
        await listening
    assert 0 < told.count(b"SIP/2.0 ") <= BURST
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def forget_texts() -> None:
    """Empty what is remembered of texts: of a fixed size, and of no source."""
    for it in gc.get_objects():
        if isinstance(it, _lru_cache_wrapper) and str(it.__module__).startswith("offhook.sip"):
            it.cache_clear()


async def test_a_source_that_was_invented_costs_no_memory(
    unhurried: EmbeddedEngine, room: Room
) -> None:
    async def visits(block: int) -> int:
        """Let 100 addresses ask once and never answer; gives the bytes in use then."""
        for at in range(1, 101):
            with Stranger(f"127.3.{block}.{at}", unhurried.port) as source:
                source.send(strange("REGISTER", "1001"))
                source.send(strange("INVITE", "1001"))
                await source.ask(strange("OPTIONS", "1001"))
        room.events.clear()
        forget_texts()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    await visits(0)
    tracemalloc.start()
    try:
        sizes = [await visits(block) for block in range(1, 4)]
    finally:
        tracemalloc.stop()
    # The moment each was heard stays, for 4096 of them: 40,000 to 60,000 bytes for a block, by
    # whether one of its dicts grew just then. Its answers would be another 150,000.
    assert sizes[2] - sizes[1] < 100_000, sizes
    assert unhurried.health().counters["received"] == 4 * 100 * 3


async def test_oversized_packets_are_refused_and_hurt_nobody(
    engine: EmbeddedEngine, phone: SipPhone
) -> None:
    huge = strange("REGISTER", "1001", more="X: " + "x" * 64_000)
    many = strange("REGISTER", "1001", more="\r\n".join(["X: y"] * 300))
    with Stranger("127.0.0.1", engine.port) as stranger:
        assert await stranger.status(huge) == 401
        stranger.send(many)
        stranger.send(b"\0" * 65_507)
        # Echoed into an answer that no datagram can hold.
        stranger.send(
            strange("REGISTER", "1001", call_id="a").replace(b"tag=s", b"tag=" + b"s" * 64_900)
        )
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    writer.write(
        strange("REGISTER", "1001").replace(b"Length: 0", b"Length: %d" % MAX_MESSAGE_BYTES)
    )
    async with asyncio.timeout(5.0):
        assert (await reader.read(-1)).startswith(b"SIP/2.0 513 ")
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert await sign_in(phone, engine) == 200
    assert engine.health().counters["malformed"] >= 2
    assert "failed" not in engine.health().counters
