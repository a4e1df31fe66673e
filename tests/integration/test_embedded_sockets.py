"""The embedded engine against phones of ours and against plain sockets that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from offhook.actions.ports import NotifyKind, NotifyOrder, NotifyOutcome
from offhook.core.events import PhoneRegistered, PhoneUnregistered, RegistrationRefused
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.tcp import TcpLimits
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.digest import BEST_FIRST, Algorithm
from tests.integration.engine_room import Room
from tests.unit.sip.build import Pbx, register, response_of

QUICK = TcpLimits(per_host=3, partial_s=0.2, idle_s=0.3, dial_s=0.5)


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
async def phone() -> AsyncIterator[SipPhone]:
    phone = SipPhone(timeout_s=2.0)
    yield phone
    await phone.close(silently=True)


async def sign_in(phone: SipPhone, engine: EmbeddedEngine, **more: object) -> int:
    """Register 1001 and give the status of the answer."""
    values = {"extension": "1001", "secret": "secret1001", **more}
    answer = await phone.register(server="127.0.0.1", port=engine.port, **values)  # type: ignore[arg-type] # as the test says
    assert answer is not None
    return answer.status


async def order(
    engine: EmbeddedEngine,
    *,
    event: str = "check-sync",
    secret: str = "secret1001",
    timeout_s: float = 2.0,
    on_sent: Callable[[], None] = lambda: None,
) -> NotifyOutcome:
    [registration] = engine.registrations("1001")
    return await engine.notify(
        NotifyOrder(
            registration=registration,
            notify=Notify(event=event),
            username="1001",
            secret=Secret(secret),
            timeout_s=timeout_s,
        ),
        on_sent,
    )


# --- registering -----------------------------------------------------------------------------


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


# --- kept over a restart ---------------------------------------------------------------------


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


# --- NOTIFY ----------------------------------------------------------------------------------


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


async def raw_register(engine: EmbeddedEngine, contact: str) -> socket.socket:
    """Register 1001 by hand with any contact; gives the socket."""
    loop = asyncio.get_running_loop()
    raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    raw.setblocking(False)
    raw.bind(("127.0.0.1", 0))
    data = register(contact=contact)
    for _ in range(2):
        await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
        answer = await loop.sock_recv(raw, 65_535)
        if response_of(answer).status == 200:
            break
        data = signed(data, answer)
    assert response_of(answer).status == 200
    return raw


def signed(data: bytes, challenge: bytes) -> bytes:
    return Pbx().signed(data, response_of(challenge))


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


# --- what strangers do -----------------------------------------------------------------------


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
    assert engine.health().counters["unsendable"] > 0
    await engine.stop()


async def test_tcp_keeps_the_connection_of_a_registered_phone(strict: EmbeddedEngine) -> None:
    async with connected(strict) as (reader, writer):
        writer.write(TCP_REGISTER)
        writer.write(signed(TCP_REGISTER, await reader.readuntil(b"\r\n\r\n")))
        assert await read_response(reader) == 200
        # Twice the idle time of these limits: the second order still finds the connection.
        for _ in range(2):
            outcome = asyncio.ensure_future(order(strict, timeout_s=0.6))
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
    assert (gone.kind, gone.reason) == (NotifyKind.FAILED, "the phone's TCP connection is closed")


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
