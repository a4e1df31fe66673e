"""Requests too large for a datagram: over TCP where the phone takes that. RFC 3261 §18.1.1."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from offhook.engines.embedded import EmbeddedEngine
from offhook.sip.message import Request
from tests.integration.engine_room import Room, raw_register, running
from tests.integration.stream_phone import StreamPhone, stream_phone
from tests.unit.sip.build import request_of

BODY = b"a=x" * 500


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    room = Room()
    async with running(room.engine()) as engine:
        yield engine


def invite(phone: StreamPhone, caller: str, callee: str, contact: str, body: bytes = BODY) -> bytes:
    lines = [
        f"INVITE sip:{callee}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {phone.place};branch=z9hG4bK{caller};rport",
        f"From: <sip:{caller}@127.0.0.1>;tag=t{caller}",
        f"To: <sip:{callee}@127.0.0.1>",
        f"Call-ID: call-{caller}",
        "CSeq: 1 INVITE",
        f"Contact: <{contact}>",
        "Max-Forwards: 70",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join((*lines, "", "")).encode() + body


async def call(engine: EmbeddedEngine, body: bytes = BODY) -> None:
    """Let 1002 call 1001; who answers and how does not matter."""
    async with stream_phone(engine.port) as caller:
        assert await caller.register("1002") == 200
        await caller.ask(invite(caller, "1002", "1001", caller.contact("1002"), body), "1002")


async def heard(raw: socket.socket) -> Request:
    """Take the next request from a datagram socket."""
    async with asyncio.timeout(10):
        return request_of(await asyncio.get_running_loop().sock_recv(raw, 65_535))


def way(request: Request) -> str:
    return (request.headers.first("via") or "").partition(" ")[0]


class Listening:
    """A TCP listener of a phone; `requests` come from what connects."""

    def __init__(self) -> None:
        self.phones: asyncio.Queue[StreamPhone] = asyncio.Queue()

    async def __aenter__(self) -> Listening:
        self.server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.server.close()
        while not self.phones.empty():
            self.phones.get_nowait().writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.phones.put(StreamPhone(reader, writer, "tcp"))


async def test_a_large_request_is_dialled_to_a_contact_that_names_tcp(
    engine: EmbeddedEngine,
) -> None:
    async with Listening() as listening:
        contact = f"<sip:1001@127.0.0.1:{listening.port};transport=tcp>"
        with await raw_register(engine, contact) as raw:
            assert engine.registrations("1001")[0].source.startswith("udp:")
            calling = asyncio.ensure_future(call(engine))
            async with asyncio.timeout(10):
                phone = await listening.phones.get()
            asked = await phone.request()
            assert (way(asked), asked.body) == ("SIP/2.0/TCP", BODY)
            with pytest.raises(BlockingIOError):
                raw.recv(65_535)
            phone.send(refusal(asked))
            acknowledged = await phone.request()  # the same way as the INVITE
            assert (acknowledged.method, way(acknowledged)) == ("ACK", "SIP/2.0/TCP")
            assert acknowledged.headers.all("via")[0] == asked.headers.all("via")[0]
            await calling
            phone.writer.close()


def refusal(request: Request) -> bytes:
    lines = ["SIP/2.0 486 Busy Here"]
    for name in ("via", "from", "call-id", "cseq"):
        lines += request.headers.lines_of(name)
    lines += [f"To: {request.headers.first('to')};tag=callee", "Content-Length: 0"]
    return "\r\n".join((*lines, "", "")).encode()


async def test_a_large_request_falls_back_to_udp_when_nobody_accepts(
    engine: EmbeddedEngine,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:  # its port takes no TCP
        raw.bind(("127.0.0.1", 0))
        raw.setblocking(False)
        port = raw.getsockname()[1]
        with await raw_register(engine, f"<sip:1001@127.0.0.1:{port};transport=tcp>"):
            calling = asyncio.ensure_future(call(engine))
            asked = await heard(raw)
            assert (way(asked), asked.body) == ("SIP/2.0/UDP", BODY)
            await asyncio.get_running_loop().sock_sendto(
                raw, refusal(asked), ("127.0.0.1", engine.port)
            )
            await calling


async def test_a_large_request_takes_the_connection_its_phone_called_over(
    engine: EmbeddedEngine,
) -> None:
    contact = "sip:1001@192.0.2.99:5060"
    with await raw_register(engine, f"<{contact}>") as raw:
        async with stream_phone(engine.port) as phone, stream_phone(engine.port) as other:
            # A call to nobody is refused, so it is no proof; one that is carried on is.
            assert await other.register("1003") == 200
            ringing = asyncio.ensure_future(
                phone.ask(invite(phone, "1001", "1003", contact), "1001")
            )
            other.send(refusal(await other.request()))
            assert (await ringing).status == 486
            calling = asyncio.ensure_future(call(engine))
            while (asked := await phone.request()).method != "INVITE":
                pass
            assert (asked.uri, way(asked)) == (contact, "SIP/2.0/TCP")
            with pytest.raises(BlockingIOError):
                raw.recv(65_535)
            phone.send(refusal(asked))
            await calling


async def test_a_large_request_is_repeated_over_udp_when_the_connection_is_lost(
    engine: EmbeddedEngine,
) -> None:
    async with Listening() as listening:
        contact = f"<sip:1001@127.0.0.1:{listening.port};transport=tcp>"
        with await raw_register(engine, contact), udp_at(listening.port) as raw:
            calling = asyncio.ensure_future(call(engine))
            async with asyncio.timeout(10):
                phone = await listening.phones.get()
            await phone.request()
            phone.writer.close()
            listening.server.close()
            asked = await heard(raw)
            assert way(asked) == "SIP/2.0/UDP"
            await asyncio.get_running_loop().sock_sendto(
                raw, refusal(asked), ("127.0.0.1", engine.port)
            )
            await calling


def udp_at(port: int) -> socket.socket:
    raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    raw.bind(("127.0.0.1", port))
    raw.setblocking(False)
    return raw


@pytest.mark.parametrize(("size", "transport"), [(10, "UDP"), (1500, "UDP")])
async def test_other_requests_stay_on_udp(
    engine: EmbeddedEngine, size: int, transport: str
) -> None:
    with await raw_register(engine, "<sip:1001@192.0.2.99:5060>") as raw:
        calling = asyncio.ensure_future(call(engine, b"x" * size))
        asked = await heard(raw)
        assert way(asked) == f"SIP/2.0/{transport}"
        await asyncio.get_running_loop().sock_sendto(
            raw, refusal(asked), ("127.0.0.1", engine.port)
        )
        await calling
