"""SIP over TLS: registrations, calls across transports, handshakes that fail, renewal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from offhook.certificate import Certificate
from offhook.core.events import PhoneRegistered
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.tcp import TcpLimits
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.message import Request, Response
from tests.integration.certificates import Authority
from tests.integration.engine_room import Room, order, running, sign_in
from tests.integration.phones import Baresip
from tests.integration.stream_phone import StreamPhone, stream_phone
from tests.unit.sip.build import register

QUICK = TcpLimits(per_host=3, partial_s=0.4, idle_s=0.5, handshake_s=0.3, close_s=0.2)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def pem(authority: Authority, tmp_path: Path) -> Path:
    return authority.write(tmp_path / "pbx.pem")


@pytest.fixture
async def engine(room: Room, pem: Path) -> AsyncIterator[EmbeddedEngine]:
    async with running(room.engine(certificate=Certificate(pem))) as engine:
        yield engine


async def counted(engine: EmbeddedEngine, name: str, count: int) -> None:
    """Wait until a counter has reached a value."""
    async with asyncio.timeout(5):
        while engine.health().counters[name] < count:  # noqa: ASYNC110 # nothing tells it
            await asyncio.sleep(0.01)


# --- registering and NOTIFY ----------------------------------------------------------------------


async def test_a_phone_registers_and_is_notified_over_tls(
    engine: EmbeddedEngine, authority: Authority
) -> None:
    health = engine.health()
    assert health.listening[2:] == (f"tls:127.0.0.1:{engine.tls_port}",)
    async with stream_phone(engine.tls_port, authority.trusted()) as phone:
        assert await phone.register("1001") == 200
        [registration] = engine.registrations("1001")
        assert registration.source == phone.source
        waiting = asyncio.ensure_future(order(engine))
        notify = await phone.request()
        place = f"127.0.0.1:{engine.tls_port}"
        assert (notify.headers.first("via") or "").startswith(f"SIP/2.0/TLS {place};branch=")
        assert notify.headers.first("contact") == f"<sip:{place};transport=tls>"
        phone.send(answer(notify, 200))
        assert (await waiting).code == 200
    assert engine.health().counters["tls_handshakes"] == 1


async def test_messages_cut_and_joined_by_records_are_framed(
    engine: EmbeddedEngine, authority: Authority
) -> None:
    data = register(contact="<sip:1001@10.1.2.3;transport=tls>")
    async with stream_phone(engine.tls_port, authority.trusted()) as phone:
        for byte in data[:40]:
            phone.send(bytes([byte]))
            await phone.writer.drain()
        phone.send(data[40:] + data)
        assert [(await phone.response()).status for _ in range(2)] == [401, 401]


async def test_a_goodbye_of_the_phone_ends_its_connection(
    engine: EmbeddedEngine, authority: Authority
) -> None:
    async with stream_phone(engine.tls_port, authority.trusted()) as phone:
        assert await phone.register("1001") == 200
    async with asyncio.timeout(5):
        while engine.health().counters["tcp_connections"]:  # noqa: ASYNC110 # nothing tells it
            await asyncio.sleep(0.01)
    gone = await order(engine)
    assert gone.reason == "the phone's connection is closed"


# --- calls ---------------------------------------------------------------------------------------


def answer(request: Request, status: int, *more: str, tag: str = "") -> bytes:
    """Answer as a phone does: Via, From, Call-ID, CSeq and Record-Route as they came."""
    suffix = f";tag={tag}" if tag else ""
    lines = [f"SIP/2.0 {status} Said"]
    for name in ("via", "record-route", "from", "call-id", "cseq"):
        lines += request.headers.lines_of(name)
    lines += [f"To: {request.headers.first('to')}{suffix}", *more, "Content-Length: 0"]
    return "\r\n".join((*lines, "", "")).encode()


def invite(phone: StreamPhone, callee: str, port: int) -> bytes:
    lines = [
        f"INVITE sip:{callee}@127.0.0.1:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {phone.place};branch=z9hG4bKcall;rport",
        "From: <sip:1001@127.0.0.1>;tag=caller",
        f"To: <sip:{callee}@127.0.0.1>",
        "Call-ID: call-1",
        "CSeq: 1 INVITE",
        f"Contact: <{phone.contact('1001')}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join((*lines, "", "")).encode()


async def test_record_route_names_the_port_of_each_transport(
    engine: EmbeddedEngine, authority: Authority
) -> None:
    async with (
        stream_phone(engine.tls_port, authority.trusted()) as caller,
        stream_phone(engine.port) as callee,
    ):
        assert await caller.register("1001") == 200
        assert await callee.register("1002") == 200
        ringing = asyncio.ensure_future(caller.ask(invite(caller, "1002", engine.port), "1001"))
        asked = await callee.request()
        tcp, tls = f"127.0.0.1:{engine.port}", f"127.0.0.1:{engine.tls_port}"
        assert asked.headers.all("record-route") == (
            f"<sip:{tcp};transport=tcp;lr>",
            f"<sip:{tls};transport=tls;lr>",
        )
        contact = f"Contact: <{callee.contact('1002')}>"
        callee.send(answer(asked, 200, contact, tag="callee"))
        assert (await ringing).status == 200
        caller.send(later("ACK", caller, callee, tls, tcp))
        acknowledged = await callee.request()
        assert (acknowledged.method, acknowledged.headers.all("route")) == ("ACK", ())
        callee.send(later("BYE", callee, caller, tcp, tls))
        hung_up = await caller.request()
        assert hung_up.uri == caller.contact("1001")
        assert (hung_up.headers.first("via") or "").startswith(f"SIP/2.0/TLS {tls};")
        caller.send(answer(hung_up, 200))
        while not isinstance(ended := await callee.read(), Response):
            pass
        assert ended.status == 200


def later(method: str, sender: StreamPhone, other: StreamPhone, *routes: str) -> bytes:
    """A request inside the call, over the routes as (place near the sender, place beyond)."""
    is_caller = method == "ACK"
    number, tags = ("1002", ("caller", "callee")) if is_caller else ("1001", ("callee", "caller"))
    near, far = (f"<sip:{place};transport=x;lr>" for place in routes)
    lines = [
        f"{method} {other.contact(number)} SIP/2.0",
        f"Via: SIP/2.0/UDP {sender.place};branch=z9hG4bK{method};rport",
        f"Route: {near.replace('=x', '=' + sender.transport)}",
        f"Route: {far.replace('=x', '=' + other.transport)}",
        f"From: <sip:a@127.0.0.1>;tag={tags[0]}",
        f"To: <sip:b@127.0.0.1>;tag={tags[1]}",
        "Call-ID: call-1",
        f"CSeq: 1 {method}",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join((*lines, "", "")).encode()


class TlsBaresip(Baresip):
    """Baresip that trusts our authority and checks the server's certificate."""

    authority = ""

    async def run(
        self, *command: str, directory: Path, environ: dict[str, str] | None = None
    ) -> None:
        config = directory / "config"
        (directory / "ca.pem").write_text(self.authority)
        more = f"sip_cafile {directory}/ca.pem\nsip_verify_server yes\n"
        config.write_text(config.read_text() + more)
        await super().run(*command, directory=directory, environ=environ)


@pytest.mark.needs("baresip")
@pytest.mark.parametrize("transports", [("tls", "tls"), ("udp", "tls"), ("tls", "tcp")])
async def test_baresip_calls_over_tls(
    engine: EmbeddedEngine,
    room: Room,
    authority: Authority,
    tmp_path: Path,
    transports: tuple[str, str],
) -> None:
    phones = {"1001": TlsBaresip(), "1002": TlsBaresip()}
    try:
        for (number, phone), transport in zip(phones.items(), transports, strict=True):
            phone.authority = authority.pem
            port = engine.tls_port if transport == "tls" else engine.port
            await phone.start(
                number, f"secret{number}", port, transport, tmp_path / number, is_driven=True
            )
        await room.wait(PhoneRegistered, 2)
        sources = {r.source.partition(":")[0] for r in engine.registrations()}
        assert sources == set(transports)
        port = engine.tls_port if transports[0] == "tls" else engine.port
        await phones["1001"].command("dial", f"sip:1002@127.0.0.1:{port}")
        for phone in phones.values():
            await phone.said("Call established")
        [call] = engine.calls()
        assert call.state == "talking"
        await phones["1002"].command("hangup")
        await phones["1001"].said(r"session closed|terminated|Connection reset")
    finally:
        for phone in phones.values():
            await phone.stop()


# --- handshakes that fail ------------------------------------------------------------------------


async def refused(engine: EmbeddedEngine, context: ssl.SSLContext) -> None:
    """Shake hands in vain; unlike asyncio a blocking socket sends the alert."""

    def connect() -> None:
        plain = socket.create_connection(("127.0.0.1", engine.tls_port), timeout=10)
        with contextlib.closing(plain), pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_hostname="127.0.0.1")

    await asyncio.to_thread(connect)


def old_tls(authority: Authority) -> ssl.SSLContext:
    context = authority.trusted()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def unknown_authority(authority: Authority) -> ssl.SSLContext:
    return Authority(name="another").trusted()


@pytest.mark.parametrize(
    ("client", "reason"),
    [(old_tls, "no TLS version from 1.2 on"), (unknown_authority, "alert unknown CA")],
)
async def test_a_failed_handshake_is_explained_once_a_minute(
    engine: EmbeddedEngine,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    client: Callable[[Authority], ssl.SSLContext],
    reason: str,
) -> None:
    for tries in (1, 2, 3):
        await refused(engine, client(authority))
        await counted(engine, "tls_failed", tries)
    told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(told) == 1
    assert told[0].startswith("no TLS with 127.0.0.1: ")
    assert reason in told[0]


async def test_plain_sip_on_the_tls_port_is_named(
    engine: EmbeddedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    async with stream_phone(engine.tls_port) as phone:
        phone.send(register())
        assert await phone.is_cut_off()
    await counted(engine, "tls_failed", 1)
    assert "what it sends is not TLS" in caplog.text


async def test_a_silent_handshake_is_cut_off_in_time(
    room: Room, pem: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(room.engine(certificate=Certificate(pem), limits=QUICK)) as engine:
        async with stream_phone(engine.tls_port) as phone:
            phone.writer.write(b"\x16\x03\x01")
            assert await phone.is_cut_off()
        assert engine.health().counters["tls_failed"] == 1
    assert "the handshake took too long" in caplog.text


async def test_a_peer_that_leaves_in_the_handshake_is_counted(engine: EmbeddedEngine) -> None:
    async with stream_phone(engine.tls_port) as phone:
        phone.writer.write(b"\x16\x03\x01")
    await counted(engine, "tls_failed", 1)


async def test_handshakes_count_among_the_connections_of_a_host(room: Room, pem: Path) -> None:
    engine = room.engine(certificate=Certificate(pem), limits=TcpLimits(per_host=2))
    async with (
        running(engine),
        stream_phone(engine.tls_port),
        stream_phone(engine.port),
        stream_phone(engine.tls_port) as third,
    ):
        assert await third.is_cut_off()
        counters = engine.health().counters
        assert (counters["tcp_refused"], counters["tls_failed"]) == (1, 0)


async def test_a_tls_peer_that_reads_nothing_is_cut_off(
    room: Room, pem: Path, authority: Authority
) -> None:
    limits = TcpLimits(unread_bytes=1000)
    async with running(room.engine(certificate=Certificate(pem), limits=limits)) as engine:
        plain = socket.create_connection(("127.0.0.1", engine.tls_port))
        plain.setblocking(True)
        data = register().replace(b"/UDP", b"/TLS") * 100

        def flood() -> None:
            with authority.trusted().wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
                wrapped.settimeout(10)
                while True:
                    wrapped.sendall(data)

        with pytest.raises(OSError, match=r"."):  # reset, broken pipe or end of file
            await asyncio.to_thread(flood)


# --- the certificate -----------------------------------------------------------------------------


async def test_a_renewed_certificate_is_met_without_a_restart(
    engine: EmbeddedEngine, authority: Authority, pem: Path
) -> None:
    async def subject() -> str:
        async with stream_phone(engine.tls_port, authority.trusted()) as phone:
            found = phone.writer.get_extra_info("peercert")["subject"]
            return str(found[0][0][1])

    assert await subject() == "pbx"
    fresh = authority.write(pem.with_name("fresh.pem"), "renewed")
    os.replace(fresh, pem)  # noqa: PTH105 # as certbot's hooks do it
    assert await subject() == "renewed"


async def test_a_broken_renewal_leaves_the_former_one_in_use(
    engine: EmbeddedEngine,
    authority: Authority,
    pem: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pem.write_bytes(pem.read_bytes()[:300])  # noqa: ASYNC240 # a small file of the test
    for _ in range(2):
        async with stream_phone(engine.tls_port, authority.trusted()) as phone:
            assert await phone.register("1001") == 200
    assert caplog.text.count("the former one stays in use: sip.tls_") == 1


async def test_tls_is_off_without_a_certificate(room: Room) -> None:
    async with running(room.engine()) as engine:
        assert engine.tls_port == 0
        assert [name.partition(":")[0] for name in engine.health().listening] == ["udp", "tcp"]


async def test_a_taken_tls_port_frees_the_others(room: Room, pem: Path) -> None:
    async with running(room.engine(certificate=Certificate(pem))) as first:
        second = room.engine(certificate=Certificate(pem))
        second._sockets._asked_tls_port = first.tls_port
        with pytest.raises(OSError, match="in use") as caught:
            await second.start()
        assert caught.value.filename == "sip.tls_port"
        async with running(room.engine(port=second.port)):
            pass


async def test_an_unusable_certificate_ends_the_start(room: Room, tmp_path: Path) -> None:
    engine = room.engine(certificate=Certificate(tmp_path / "none.pem"))
    with pytest.raises(OSError, match="cannot read") as caught:
        await engine.start()
    assert caught.value.filename == "sip.tls_certificate"


async def test_udp_works_beside_tls(engine: EmbeddedEngine) -> None:
    phone = SipPhone(timeout_s=2.0)
    assert await sign_in(phone, engine) == 200
    await phone.close(silently=True)
