"""Registering at the embedded engine, and what is kept of it over a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from offhook.core.events import PhoneUnregistered, RegistrationRefused
from offhook.engines.embedded import EmbeddedEngine
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.digest import BEST_FIRST, Algorithm
from tests.integration.engine_room import Room, running, sign_in


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


async def test_both_sockets_share_one_port(engine: EmbeddedEngine) -> None:
    assert engine.port > 0
    assert engine.health().listening == (
        f"udp:127.0.0.1:{engine.port}",
        f"tcp:127.0.0.1:{engine.port}",
    )


@pytest.mark.parametrize("algorithms", [BEST_FIRST, (Algorithm.SHA256,)])
async def test_sha_256_is_used_where_it_is_offered(
    room: Room, phone: SipPhone, algorithms: tuple[Algorithm, ...]
) -> None:
    engine = room.engine(algorithms=algorithms)
    await engine.start()
    assert await sign_in(phone, engine) == 200
    await engine.stop()


async def test_the_mac_is_found_where_makers_put_it(engine: EmbeddedEngine, room: Room) -> None:
    agents = {"1001": "Maker X 1.0 00:15:65:12:34:56", "1002": "none", "1003": "none"}
    headers = {"1001": (), "1002": (("MAC", "000B82123456"),), "1003": ()}
    found = []
    for number, agent in agents.items():
        phone = SipPhone()
        await sign_in(
            phone,
            engine,
            extension=number,
            secret=f"secret{number}",
            user_agent=agent,
            headers=headers[number],
        )
        await phone.close(silently=True)
        [registration] = engine.registrations(number)
        found.append(registration.mac.plain if registration.mac else None)
    assert found == ["001565123456", "000b82123456", None]


async def test_nobody_registers_for_another(
    engine: EmbeddedEngine, room: Room, phone: SipPhone
) -> None:
    status = await sign_in(
        phone, engine, extension="1002", auth_name="1001", user_agent="Odd\x1b phone"
    )
    assert status == 403
    refused = await room.wait(RegistrationRefused)
    assert (refused.reason, refused.claimed, refused.extension) == ("wrong_user", "1001", "1002")
    assert refused.user_agent == "Odd\\x1b phone"


async def test_an_unknown_user_is_told_once_a_minute(
    engine: EmbeddedEngine, room: Room, phone: SipPhone
) -> None:
    name = "9" * 80
    for _ in range(3):
        assert await sign_in(phone, engine, extension=name) == 401
    room.ahead_s = 61
    assert await sign_in(phone, engine, extension=name) == 401
    refused = [e for e in room.events if isinstance(e, RegistrationRefused)]
    assert [e.reason for e in refused] == ["unknown_user", "unknown_user"]
    assert len(refused[0].claimed) == 64
    assert engine.health().counters["refused_unknown_user"] == 4


async def test_guessing_is_barred(room: Room, phone: SipPhone) -> None:
    engine = room.engine(failures_a_minute=2)
    await engine.start()
    statuses = [await sign_in(phone, engine, secret="guess") for _ in range(4)]
    assert statuses == [401, 401, 401, 403]
    await engine.stop()


async def test_a_phone_that_falls_silent_expires(
    engine: EmbeddedEngine, room: Room, phone: SipPhone
) -> None:
    await sign_in(phone, engine, expires_s=60)
    room.ahead_s = 61
    event = await room.wait(PhoneUnregistered)
    assert (event.reason, event.registration.extension) == ("expired", "1001")
    assert engine.registrations() == ()


async def test_a_phone_unregisters_when_it_is_closed(engine: EmbeddedEngine, room: Room) -> None:
    phone = SipPhone()
    await sign_in(phone, engine)
    await phone.close()
    assert (await room.wait(PhoneUnregistered)).reason == "removed"


async def test_removing_an_extension_drops_its_bindings(
    engine: EmbeddedEngine, room: Room, phone: SipPhone
) -> None:
    await sign_in(phone, engine)
    assert await engine.remove("1001") == 1
    assert await engine.remove("1001") == 0
    assert (await room.wait(PhoneUnregistered)).reason == "removed"
    assert room.store.rows == {"1001": []}


async def test_bindings_survive_a_restart(room: Room, phone: SipPhone) -> None:
    engine = room.engine()
    await engine.start()
    await sign_in(phone, engine, headers=[("Path", "<sip:edge;lr>")])
    before = engine.registrations()
    await engine.stop()
    again = room.engine(port=engine.port)
    await again.start()
    assert again.registrations() == before
    await again.stop()


async def test_expired_and_deleted_extensions_do_not_come_back(room: Room) -> None:
    engine = room.engine()
    await engine.start()
    for number, expires_s in (("1001", 60), ("1002", 3600), ("1003", 3600)):
        phone = SipPhone()
        values = {"extension": number, "secret": f"secret{number}", "expires_s": expires_s}
        await sign_in(phone, engine, **values)
        await phone.close(silently=True)
    await engine.stop()
    room.ahead_s = 120
    room.extensions.discard("1002")
    again = room.engine()
    await again.start()
    assert [kept.extension for kept in again.registrations()] == ["1003"]
    await again.stop()
    assert [len(room.store.rows[number]) for number in ("1001", "1002", "1003")] == [0, 0, 1]


async def test_a_save_that_fails_is_tried_again(
    engine: EmbeddedEngine, room: Room, phone: SipPhone, caplog: pytest.LogCaptureFixture
) -> None:
    room.store.breaks = 1
    await sign_in(phone, engine)
    await engine.remove("1002")  # saves what is dirty at once, and fails
    assert "could not be saved" in caplog.text
    assert room.store.rows == {}
    await engine.remove("1002")
    assert len(room.store.rows["1001"]) == 1
