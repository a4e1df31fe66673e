"""Busy lamps over real sockets: a phone watches another through the embedded engine."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator

import pytest

from offhook.core.events import PhoneRegistered
from offhook.engines.embedded import EmbeddedEngine
from offhook.sip.message import Response
from tests.integration.engine_room import Room, running
from tests.integration.hand_phone import HandPhone

NS = "{urn:ietf:params:xml:ns:dialog-info}"


async def lamp_of(phone: HandPhone) -> tuple[str, str, list[str]]:
    """Take a NOTIFY and answer it; gives version, Subscription-State and the states."""
    notify = await phone.asked("NOTIFY")
    phone.say(notify, 200)
    root = ET.fromstring(notify.body)  # what our engine has written
    shown = [item.findtext(f"{NS}state") or "" for item in root.iter(f"{NS}dialog")]
    state = (notify.headers.first("subscription-state") or "").partition(";expires")[0]
    return root.get("version") or "", state, shown


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def engine(room: Room) -> AsyncIterator[EmbeddedEngine]:
    async with running(room.engine()) as engine:
        yield engine


@pytest.fixture
async def phones(engine: EmbeddedEngine) -> AsyncIterator[list[HandPhone]]:
    """1001, 1002 and 1003, registered."""
    phones = [await HandPhone.connect(user, engine.port) for user in ("1001", "1002", "1003")]
    for phone in phones:
        answer = await phone.ask("REGISTER", phone.user, "Expires: 600", call_id="boot")
        assert answer.status == 200
    yield phones
    for phone in phones:
        phone.writer.close()


async def watch(lamp: HandPhone, *, to: str = "1002", expires: int = 600, **more: str) -> Response:
    more.setdefault("call_id", f"lamp-{to}")
    return await lamp.ask("SUBSCRIBE", to, "Event: dialog", f"Expires: {expires}", **more)


async def test_a_lamp_follows_a_call_from_ringing_to_its_end(
    engine: EmbeddedEngine, phones: list[HandPhone]
) -> None:
    caller, callee, lamp = phones
    assert (await watch(lamp)).status == 200
    assert await lamp_of(lamp) == ("0", "active", [])
    calling = asyncio.ensure_future(caller.ask("INVITE", "1002", call_id="call"))
    ringing = await callee.asked("INVITE")
    assert await lamp_of(lamp) == ("1", "active", ["trying"])
    callee.say(ringing, 180)
    assert await lamp_of(lamp) == ("2", "active", ["early"])
    assert engine.calls()[0].callee_at == ""
    callee.say(ringing, 200)
    assert await lamp_of(lamp) == ("3", "active", ["confirmed"])
    assert (await calling).status == 200
    [call] = engine.calls()
    assert (call.caller, call.callee, call.state) == ("1001", "1002", "talking")
    assert {item.source for item in engine.registrations()} >= {call.caller_at, call.callee_at}
    bye = caller.ask("BYE", "1002", call_id="call", to_tag="1002", uri=callee.contact.strip("<>"))
    hanging_up = asyncio.ensure_future(bye)
    callee.say(await callee.asked("BYE"), 200)
    assert await lamp_of(lamp) == ("4", "active", ["terminated"])
    assert (await hanging_up).status == 200
    assert engine.calls() == ()
    assert engine.health().counters["subscriptions"] == 1


async def test_a_lamp_is_refreshed_and_switched_off(
    engine: EmbeddedEngine, phones: list[HandPhone]
) -> None:
    lamp = phones[2]
    to = (await watch(lamp)).headers.first("to") or ""
    tag = to.rpartition("tag=")[2]
    await lamp_of(lamp)
    assert (await watch(lamp, to_tag=tag)).status == 200
    assert (await lamp_of(lamp))[:2] == ("1", "active")
    assert (await watch(lamp, to_tag=tag, expires=0)).status == 200
    assert (await lamp_of(lamp))[:2] == ("2", "terminated;reason=timeout")
    assert engine.health().counters["subscriptions"] == 0
    assert (await watch(lamp, to_tag=tag)).status == 481


async def test_a_lamp_of_before_a_restart_is_told_to_subscribe_anew(room: Room) -> None:
    async with running(room.engine()) as engine:
        lamp = await HandPhone.connect("1003", engine.port)
        await lamp.ask("REGISTER", "1003", "Expires: 600", call_id="boot")
        answer = await watch(lamp)
        lamp.writer.close()
    tag = (answer.headers.first("to") or "").rpartition("tag=")[2]
    async with running(room.engine()) as engine:
        lamp = await HandPhone.connect("1003", engine.port)
        assert (await watch(lamp, to_tag=tag)).status == 481
        assert (await watch(lamp, call_id="anew")).status == 200
        assert (await lamp_of(lamp))[0] == "0"
        lamp.writer.close()


async def test_a_lamp_whose_connection_is_lost_is_dropped(
    engine: EmbeddedEngine, phones: list[HandPhone]
) -> None:
    lamp = phones[2]
    await watch(lamp)
    lamp.writer.transport.abort()
    async with asyncio.timeout(10):
        while engine.health().counters["subscriptions"]:  # noqa: ASYNC110 # no event tells it
            await asyncio.sleep(0.02)


async def test_a_removed_extension_watches_no_longer(
    engine: EmbeddedEngine, room: Room, phones: list[HandPhone]
) -> None:
    lamp = phones[2]
    await watch(lamp)
    await watch(lamp, to="1001")
    assert [(await lamp_of(lamp))[0] for _ in range(2)] == ["0", "0"]
    room.extensions.discard("1001")
    await engine.remove("1001")
    assert (await lamp_of(lamp))[1] == "terminated;reason=noresource"
    await engine.remove("1003")
    assert (await lamp_of(lamp))[1] == "terminated;reason=deactivated"
    assert engine.health().counters["subscriptions"] == 0


async def test_a_stranger_learns_nothing_of_who_talks(engine: EmbeddedEngine, room: Room) -> None:
    stranger = await HandPhone.connect("1002", engine.port)
    for to in ("1001", "4711"):
        stranger.writer.write(stranger.build("SUBSCRIBE", to, "Event: dialog", call_id=to))
        assert (await stranger.answer()).status == 407
    assert [e for e in room.events if isinstance(e, PhoneRegistered)] == []
    stranger.writer.close()
