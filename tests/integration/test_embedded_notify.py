"""NOTIFY through the embedded engine: who answers how, and where it goes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from offhook.actions.ports import NotifyKind, NotifyOrder
from offhook.core.events import PhoneRegistered
from offhook.core.vendor import Notify
from offhook.engines.embedded import EmbeddedEngine
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.digest import BEST_FIRST, Algorithm
from tests.integration.engine_room import Room, order, raw_register, running, sign_in, signed
from tests.unit.sip.build import register


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


async def test_an_order_is_accepted_and_told_once(engine: EmbeddedEngine) -> None:
    heard: list[str] = []
    sent: list[None] = []
    phone = SipPhone(on_notify=heard.append)
    await sign_in(phone, engine)
    outcome = await order(engine, event="check-sync;reboot=true", on_sent=lambda: sent.append(None))
    assert (outcome.kind, outcome.code) == (NotifyKind.ACCEPTED, 200)
    assert heard == ["check-sync;reboot=true"]
    assert len(sent) == 1
    assert phone.requests[0].uri == phone.contact
    await phone.close()


@pytest.mark.parametrize("algorithms", [BEST_FIRST, (Algorithm.MD5,)])
async def test_a_phones_challenge_is_answered(
    engine: EmbeddedEngine, algorithms: tuple[Algorithm, ...]
) -> None:
    heard: list[str] = []
    phone = SipPhone(
        challenges_notify=True, challenge_algorithms=algorithms, on_notify=heard.append
    )
    await sign_in(phone, engine)
    outcome = await order(engine)
    assert (outcome.kind, outcome.was_challenged) == (NotifyKind.ACCEPTED, True)
    assert heard == ["check-sync"]
    assert [r.headers.first("cseq") for r in phone.requests] == ["1 NOTIFY", "2 NOTIFY"]
    await phone.close(silently=True)


@pytest.mark.parametrize(("secret", "tries"), [("", 1), ("wrong", 2)])
async def test_credentials_that_are_missing_or_not_taken(
    engine: EmbeddedEngine, secret: str, tries: int
) -> None:
    phone = SipPhone(challenges_notify=True)
    await sign_in(phone, engine)
    outcome = await order(engine, secret=secret)
    assert (outcome.kind, outcome.code) == (NotifyKind.CHALLENGED, 401)
    assert outcome.was_challenged
    assert len(phone.requests) == tries
    await phone.close(silently=True)


async def test_a_refusal_is_told_with_its_code(engine: EmbeddedEngine) -> None:
    phone = SipPhone(notify_status=489)
    await sign_in(phone, engine)
    assert (await order(engine)).code == 489
    await phone.close(silently=True)


async def test_a_silent_phone_leaves_the_order_unanswered(
    engine: EmbeddedEngine, phone: SipPhone
) -> None:
    sent: list[None] = []
    await sign_in(phone, engine)
    phone.is_silent = True
    outcome = await order(engine, timeout_s=0.7, on_sent=lambda: sent.append(None))
    assert (outcome.kind, outcome.code, len(sent)) == (NotifyKind.UNANSWERED, 0, 1)


async def test_an_order_goes_only_to_a_live_registration(
    engine: EmbeddedEngine, phone: SipPhone
) -> None:
    await sign_in(phone, engine)
    [registration] = engine.registrations("1001")
    await phone.unregister()
    outcome = await engine.notify(
        NotifyOrder(registration=registration, notify=Notify(event="check-sync")), lambda: None
    )
    assert outcome.kind is NotifyKind.FAILED
    assert "not registered" in outcome.reason
    assert phone.requests == []


async def test_an_event_that_would_break_the_header_fails(
    engine: EmbeddedEngine, phone: SipPhone
) -> None:
    await sign_in(phone, engine)
    assert (await order(engine, event="a\r\nb: c")).kind is NotifyKind.FAILED


async def test_stopping_fails_what_waits(room: Room, phone: SipPhone) -> None:
    engine = room.engine()
    await engine.start()
    await sign_in(phone, engine)
    phone.is_silent = True
    is_sent = asyncio.Event()
    waiting = asyncio.ensure_future(order(engine, timeout_s=8.0, on_sent=is_sent.set))
    await is_sent.wait()
    await engine.stop()
    assert (await waiting).kind is NotifyKind.FAILED


async def test_behind_nat_the_order_goes_to_the_source(engine: EmbeddedEngine) -> None:
    loop = asyncio.get_running_loop()
    raw = await raw_register(engine, "<sip:1001@10.1.2.3:5060>")
    waiting = asyncio.ensure_future(order(engine))
    received = await loop.sock_recv(raw, 65_535)
    assert received.startswith(b"NOTIFY sip:1001@10.1.2.3:5060 SIP/2.0\r\n")
    waiting.cancel()
    raw.close()


async def test_an_unanswered_order_is_repeated(engine: EmbeddedEngine) -> None:
    loop = asyncio.get_running_loop()
    raw = await raw_register(engine, "<sip:1001@10.1.2.3:5060>")
    waiting = asyncio.ensure_future(order(engine))
    first = await loop.sock_recv(raw, 65_535)
    assert await loop.sock_recv(raw, 65_535) == first
    waiting.cancel()
    raw.close()


async def test_a_repeated_register_gets_the_same_answer(engine: EmbeddedEngine, room: Room) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setblocking(False)
        raw.bind(("127.0.0.1", 0))
        data = register()
        await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
        data = signed(data, await loop.sock_recv(raw, 65_535))
        answers = set()
        for _ in range(2):
            await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
            answers.add(await loop.sock_recv(raw, 65_535))
    assert len(answers) == 1
    assert len([e for e in room.events if isinstance(e, PhoneRegistered)]) == 1
