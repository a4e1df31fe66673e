"""Phones that are not ours call each other through the embedded engine."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.core.events import PhoneRegistered
from offhook.engines.embedded import EmbeddedEngine
from tests.integration.engine_room import Room, running
from tests.integration.phones import Baresip, sipp

pytestmark = pytest.mark.needs("baresip", "sipp")


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def engine(room: Room) -> AsyncIterator[EmbeddedEngine]:
    async with running(room.engine()) as engine:
        yield engine


@pytest.fixture
async def phones() -> AsyncIterator[dict[str, Baresip]]:
    phones = {"1001": Baresip(), "1002": Baresip()}
    yield phones
    for phone in phones.values():
        await phone.stop()


async def sign_in(
    phones: dict[str, Baresip],
    engine: EmbeddedEngine,
    room: Room,
    directory: Path,
    transports: tuple[str, str],
    answers: str = "auto",
) -> None:
    for (number, phone), transport in zip(phones.items(), transports, strict=True):
        await phone.start(
            number,
            f"secret{number}",
            engine.port,
            transport,
            directory / number,
            answers=answers,
            is_driven=True,
        )
    await room.wait(PhoneRegistered, 2)


async def states(engine: EmbeddedEngine, *wanted: str) -> None:
    """Wait until the engine lists calls in these states."""
    async with asyncio.timeout(10):
        while tuple(call.state for call in engine.calls()) != wanted:  # noqa: ASYNC110 # no event tells it yet
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("transports", [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")])
@pytest.mark.parametrize("caller", ["1001", "1002"])
@pytest.mark.parametrize("ends", ["1001", "1002"])
async def test_two_phones_talk_and_either_hangs_up(
    engine: EmbeddedEngine,
    room: Room,
    phones: dict[str, Baresip],
    tmp_path: Path,
    transports: tuple[str, str],
    caller: str,
    ends: str,
) -> None:
    await sign_in(phones, engine, room, tmp_path, transports)
    callee = "1002" if caller == "1001" else "1001"
    await phones[caller].command("dial", f"sip:{callee}@127.0.0.1:{engine.port}")
    for phone in phones.values():
        await phone.said("Call established")
    await states(engine, "talking")
    [call] = engine.calls()
    assert (call.caller, call.callee) == (caller, callee)
    other = phones["1002" if ends == "1001" else "1001"]
    await phones[ends].command("hangup")
    await other.said(r"session closed|terminated|Connection reset")
    await states(engine)


async def test_a_caller_who_gives_up_stops_the_ringing(
    engine: EmbeddedEngine, room: Room, phones: dict[str, Baresip], tmp_path: Path
) -> None:
    await sign_in(phones, engine, room, tmp_path, ("udp", "udp"), answers="manual")
    await phones["1001"].command("dial", f"sip:1002@127.0.0.1:{engine.port}")
    await phones["1002"].said("Incoming call")
    await states(engine, "ringing")
    await phones["1001"].command("hangup")
    await phones["1002"].said("SIP/2.0 487")
    await phones["1001"].said("SIP/2.0 487")
    await states(engine)


async def test_a_callee_who_declines_is_heard(
    engine: EmbeddedEngine, room: Room, phones: dict[str, Baresip], tmp_path: Path
) -> None:
    await sign_in(phones, engine, room, tmp_path, ("udp", "tcp"), answers="manual")
    await phones["1001"].command("dial", f"sip:1002@127.0.0.1:{engine.port}")
    await phones["1002"].said("Incoming call")
    await phones["1002"].command("hangup")
    await phones["1001"].said("486|603")
    await states(engine)


async def test_an_unknown_number_is_told(
    engine: EmbeddedEngine, room: Room, phones: dict[str, Baresip], tmp_path: Path
) -> None:
    await sign_in(phones, engine, room, tmp_path, ("udp", "udp"))
    await phones["1001"].command("dial", f"sip:1999@127.0.0.1:{engine.port}")
    await phones["1001"].said("404 Not Found")


async def test_a_disabled_extension_is_not_called_and_does_not_call(
    engine: EmbeddedEngine, room: Room, phones: dict[str, Baresip], tmp_path: Path
) -> None:
    await sign_in(phones, engine, room, tmp_path, ("udp", "udp"))
    room.extensions.discard("1002")
    await phones["1001"].command("dial", f"sip:1002@127.0.0.1:{engine.port}")
    await phones["1001"].said("404 Not Found")
    await phones["1002"].command("dial", f"sip:1001@127.0.0.1:{engine.port}")
    await phones["1002"].said("407 Proxy Auth.*session closed|session closed.*407")
    assert engine.calls() == ()


async def test_a_phone_whose_cable_is_pulled_does_not_ring_for_ever(
    engine: EmbeddedEngine, room: Room, phones: dict[str, Baresip], tmp_path: Path
) -> None:
    await sign_in(phones, engine, room, tmp_path, ("udp", "tcp"), answers="manual")
    await phones["1001"].command("dial", f"sip:1002@127.0.0.1:{engine.port}")
    await states(engine, "ringing")
    await phones["1002"].said("Incoming call")
    await phones["1002"].stop(signal.SIGKILL)
    await phones["1001"].said("480 Temporarily Unavailable")
    await states(engine)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_calls_sipp(engine: EmbeddedEngine, tmp_path: Path, transport: str) -> None:
    port, calls = free_port(), 20
    for folder in ("registering", "callee", "caller"):
        (tmp_path / folder).mkdir()
    registering = await sipp(
        "register",
        engine.port,
        tmp_path / "registering",
        transport=transport,
        extension="1002",
        secret="secret1002",
        keys={"expires": "300", "contact_port": str(port)},
        local_port=port,
    )
    assert await registering.ended() == 0, registering.log
    callee = await sipp(
        "call_callee",
        engine.port,
        tmp_path / "callee",
        transport=transport,
        local_port=port,
        calls=calls,
    )
    caller = await sipp(
        "call_caller",
        engine.port,
        tmp_path / "caller",
        transport=transport,
        keys={"callee": "1002"},
        calls=calls,
    )
    try:
        assert await caller.ended() == 0, caller.log
        assert await callee.ended() == 0, callee.log
    finally:
        await caller.stop()
        await callee.stop()
    assert engine.calls() == ()
