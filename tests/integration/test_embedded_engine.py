"""The embedded engine on real sockets, with SIPp and baresip as phones that are not ours."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.actions.ports import NotifyKind, NotifyOrder, NotifyOutcome
from offhook.core.events import PhoneRegistered, PhoneUnregistered, RegistrationRefused
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from offhook.engines.embedded import EmbeddedEngine
from tests.integration.engine_room import Room
from tests.integration.phones import Baresip, sipp

REBOOT = Notify(event="check-sync;reboot=true")


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def engine(room: Room) -> AsyncIterator[EmbeddedEngine]:
    engine = room.engine()
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def baresip() -> AsyncIterator[Baresip]:
    phone = Baresip()
    yield phone
    await phone.stop()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keys(expires: int = 300, contact_port: int = 9) -> dict[str, str]:
    return {"expires": str(expires), "contact_port": str(contact_port)}


async def order(engine: EmbeddedEngine, secret: str = "secret1001") -> tuple[NotifyOutcome, int]:
    """Send a reboot order to the one registered phone; gives how it ended and the sent calls."""
    [registration] = engine.registrations("1001")
    sent: list[None] = []
    outcome = await engine.notify(
        NotifyOrder(
            registration=registration,
            notify=REBOOT,
            username="1001",
            secret=Secret(secret),
            timeout_s=6.0,
        ),
        lambda: sent.append(None),
    )
    return outcome, len(sent)


@pytest.mark.needs("sipp")
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_registers(
    engine: EmbeddedEngine, room: Room, tmp_path: Path, transport: str
) -> None:
    phone = await sipp("register", engine.port, tmp_path, transport=transport, keys=keys())
    assert await phone.ended() == 0, phone.log
    event = await room.wait(PhoneRegistered)
    assert (event.is_new, event.was_rebooted) == (True, False)
    [registration] = engine.registrations("1001")
    assert registration.mac is not None
    assert registration.mac.plain == "001565123456"
    assert registration.source.startswith("udp:127.0.0.1:" if transport == "u1" else "tcp:127")
    assert registration.user_agent == "SIPp test phone"


@pytest.mark.needs("sipp")
async def test_sipp_refreshes_and_unregisters(
    engine: EmbeddedEngine, room: Room, tmp_path: Path
) -> None:
    phone = await sipp("register_life", engine.port, tmp_path, keys=keys())
    assert await phone.ended() == 0, phone.log
    registered = [e for e in room.events if isinstance(e, PhoneRegistered)]
    assert [(e.is_new, e.was_rebooted) for e in registered] == [(True, False), (False, False)]
    assert (await room.wait(PhoneUnregistered)).reason == "removed"
    assert engine.registrations() == ()


@pytest.mark.needs("sipp")
async def test_sipp_with_a_new_call_id_was_rebooted(
    engine: EmbeddedEngine, room: Room, tmp_path: Path
) -> None:
    for _ in range(2):
        phone = await sipp("register", engine.port, tmp_path, keys=keys())
        assert await phone.ended() == 0, phone.log
    event = await room.wait(PhoneRegistered, count=2)
    assert (event.is_new, event.was_rebooted) == (False, True)


@pytest.mark.needs("sipp")
async def test_sipp_with_a_wrong_password_is_refused(
    engine: EmbeddedEngine, room: Room, tmp_path: Path
) -> None:
    phone = await sipp("register_wrong", engine.port, tmp_path, secret="guess", keys=keys())
    assert await phone.ended() == 0, phone.log
    refused = await room.wait(RegistrationRefused)
    assert (refused.reason, refused.extension, refused.claimed) == ("wrong_digest", "1001", "1001")
    assert refused.mac is not None
    assert engine.registrations() == ()


@pytest.mark.needs("sipp")
@pytest.mark.parametrize(
    ("scenario", "kind", "code", "was_challenged"),
    [
        ("notify_accept", NotifyKind.ACCEPTED, 200, False),
        ("notify_refuse", NotifyKind.REFUSED, 489, False),
        ("notify_challenge", NotifyKind.ACCEPTED, 200, True),
    ],
)
async def test_sipp_answers_the_order(
    engine: EmbeddedEngine,
    room: Room,
    tmp_path: Path,
    scenario: str,
    kind: NotifyKind,
    code: int,
    was_challenged: bool,
) -> None:
    port = free_port()
    registering = await sipp("register", engine.port, tmp_path, keys=keys(contact_port=port))
    assert await registering.ended() == 0, registering.log
    await room.wait(PhoneRegistered)
    listening = await sipp(scenario, engine.port, tmp_path, local_port=port)
    outcome, sent = await order(engine)
    assert (outcome.kind, outcome.code, outcome.was_challenged) == (kind, code, was_challenged)
    assert outcome.rtt_ms > 0
    assert sent == 1
    assert await listening.ended() == 0, listening.log


@pytest.mark.needs("sipp")
async def test_wrong_credentials_for_the_phones_challenge_are_refused(
    engine: EmbeddedEngine, room: Room, tmp_path: Path
) -> None:
    port = free_port()
    registering = await sipp("register", engine.port, tmp_path, keys=keys(contact_port=port))
    assert await registering.ended() == 0, registering.log
    await room.wait(PhoneRegistered)
    listening = await sipp("notify_challenge", engine.port, tmp_path, local_port=port)
    outcome, _ = await order(engine, secret="stale")
    assert (outcome.kind, outcome.code, outcome.was_challenged) == (NotifyKind.REFUSED, 403, True)
    await listening.stop()


@pytest.mark.needs("baresip")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_baresip_registers_and_answers_the_order(
    engine: EmbeddedEngine, room: Room, baresip: Baresip, tmp_path: Path, transport: str
) -> None:
    await baresip.start("1001", "secret1001", engine.port, transport, tmp_path)
    await room.wait(PhoneRegistered)
    [registration] = engine.registrations("1001")
    assert registration.source.startswith(f"{transport}:127.0.0.1:")
    assert "baresip" in registration.user_agent
    outcome, sent = await order(engine)
    # 481 is what baresip says to a well-formed NOTIFY without a subscription; a NOTIFY without
    # Subscription-State or with another user in its Request-URI would get 400 or 404.
    assert (outcome.kind, outcome.code, sent) == (NotifyKind.REFUSED, 481, 1)
    await baresip.said("NOTIFY sip:1001-.*\r?\n(.*\r?\n)*Subscription-State: active")


@pytest.mark.needs("baresip")
async def test_baresip_unregisters_when_it_is_closed(
    engine: EmbeddedEngine, room: Room, baresip: Baresip, tmp_path: Path
) -> None:
    await baresip.start("1001", "secret1001", engine.port, "udp", tmp_path)
    await room.wait(PhoneRegistered)
    await baresip.stop()
    assert (await room.wait(PhoneUnregistered)).reason == "removed"


@pytest.mark.needs("baresip")
async def test_baresip_that_comes_back_replaces_its_old_binding(
    engine: EmbeddedEngine, room: Room, baresip: Baresip, tmp_path: Path
) -> None:
    await baresip.start("1001", "secret1001", engine.port, "udp", tmp_path)
    await room.wait(PhoneRegistered)
    await baresip.stop(signal.SIGKILL)
    again = Baresip()
    await again.start("1001", "secret1001", engine.port, "udp", tmp_path)
    event = await room.wait(PhoneRegistered, count=2)
    await again.stop()
    assert event.was_rebooted
    assert not event.is_new


@pytest.mark.needs("baresip")
async def test_baresip_with_a_wrong_password_is_refused(
    engine: EmbeddedEngine, room: Room, baresip: Baresip, tmp_path: Path
) -> None:
    await baresip.start("1001", "guess", engine.port, "tcp", tmp_path)
    assert (await room.wait(RegistrationRefused)).reason == "wrong_digest"


@pytest.mark.needs("baresip")
async def test_a_phone_on_tcp_is_dialled_when_its_connection_is_gone(
    room: Room, baresip: Baresip, tmp_path: Path
) -> None:
    engine = room.engine()
    await engine.start()
    await baresip.start("1001", "secret1001", engine.port, "tcp", tmp_path)
    await room.wait(PhoneRegistered)
    await engine.stop()
    restarted = room.engine(port=engine.port)
    await restarted.start()
    outcome, sent = await order(restarted)
    await restarted.stop()
    assert (outcome.kind, outcome.code, sent) == (NotifyKind.REFUSED, 481, 1)


async def test_a_taken_port_is_an_os_error(engine: EmbeddedEngine, room: Room) -> None:
    with pytest.raises(OSError, match="in use"):
        await room.engine(port=engine.port).start()


async def test_a_port_taken_on_udp_alone_leaves_nothing_behind(room: Room) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await room.engine(port=port).start()
    engine = room.engine(port=port)
    await engine.start()
    assert engine.port == port
    await engine.stop()


async def test_stop_is_idempotent_and_never_needs_a_start(room: Room) -> None:
    engine = room.engine()
    await engine.stop()
    await engine.start()
    await asyncio.gather(engine.stop(), engine.stop())
    assert engine.health().listening == ()
