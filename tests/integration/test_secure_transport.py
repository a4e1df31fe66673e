"""The transport of HTTPS with a caller that chops, dawdles, stops reading or leaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.web.readers import Readers, readers_of
from offhook.web.secure import WRITE_HIGH_BYTES, SecureTransport
from tests.integration.certificates import Authority
from tests.world import until

PATIENCE_S = 5
LARGE = 4_000_000


class Echo(asyncio.Protocol):
    """Says what it hears; `large` is answered with very much, after `end` it is silent."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.pauses: list[str] = []
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.stays_after_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, SecureTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if data == b"large":
            self.transport.write(b"x" * LARGE)
            self.transport.close()
        elif data == b"pause":
            self.transport.pause_reading()
        else:
            self.transport.write(data)

    def eof_received(self) -> bool:
        return self.stays_after_end

    def pause_writing(self) -> None:
        self.pauses.append("pause")

    def resume_writing(self) -> None:
        self.pauses.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Caller:
    """A TLS client that decides which bytes go out when."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.heard, self.said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.heard, self.said, server_hostname="127.0.0.1")
        ours, self.theirs = socket.socketpair()
        self.ours = ours
        ours.setblocking(False)

    async def step(self, size: int = 65_536) -> None:
        """Send what is to be said, `size` bytes at a time, then hear something."""
        loop = asyncio.get_running_loop()
        said = self.said.read()
        for start in range(0, len(said), size):
            await loop.sock_sendall(self.ours, said[start : start + size])
            await asyncio.sleep(0)
        await self.hear()

    async def hear(self) -> None:
        """Take in what the server says next."""
        async with asyncio.timeout(PATIENCE_S):
            data = await asyncio.get_running_loop().sock_recv(self.ours, 65_536)
        if data:
            self.heard.write(data)
        else:
            self.heard.write_eof()

    async def shake_hands(self, size: int = 65_536) -> None:
        """Do the handshake."""
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                await self.step(size)

    async def read(self, size: int = 65_536, chop: int = 65_536) -> bytes:
        """Give what the server says next."""
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                await self.step(chop)

    async def read_all(self) -> bytes:
        """Give what the server says until its farewell."""
        told = bytearray()
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while data := await self.read():
                told += data
        return bytes(told)


class Line:
    """Both ends of a connection."""

    def __init__(self, server: ssl.SSLContext, caller: Caller, readers: Readers) -> None:
        self.caller, self.protocols = caller, [Echo()]
        self.failures: list[ssl.SSLError | None] = []
        handle = caller.theirs.detach()
        self.transport = SecureTransport(
            asyncio.get_running_loop(),
            readers,
            handle,
            ("192.0.2.7", 5),
            server,
            lambda _: self.protocols[0],
            lambda _, error: self.failures.append(error),
        )
        self.transport.begin()

    @property
    def protocol(self) -> Echo:
        """What the transport serves."""
        return self.protocols[0]


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest_asyncio.fixture
async def begin(authority: Authority, tmp_path: Path) -> AsyncIterator[Callable[..., Line]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.write(tmp_path / "pbx.pem"))
    lines: list[Line] = []
    readers, end_readers = readers_of(asyncio.get_running_loop())

    def made(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Line:
        trusting = authority.trusted()
        trusting.maximum_version = version
        lines.append(Line(context, Caller(trusting), readers))
        return lines[-1]

    yield made
    for line in lines:
        line.transport.abort()
        line.caller.ours.close()
    end_readers()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [1, 7, 65_536])
async def test_what_is_said_is_heard_however_it_is_chopped(
    begin: Callable[..., Line], version: ssl.TLSVersion, size: int
) -> None:
    line = begin(version)
    await line.caller.shake_hands(size)
    for word in (b"one", b"two" * 9000):
        line.caller.tls.write(word)
        told = b""
        while len(told) < len(word):
            told += await line.caller.read(chop=size)
        assert told == word
    line.transport.close()
    assert await line.caller.read_all() == b""
    assert await line.protocol.lost is None
    assert line.failures == []


async def test_two_records_in_one_packet_are_both_heard(begin: Callable[..., Line]) -> None:
    line = begin()
    await line.caller.shake_hands()
    line.caller.tls.write(b"one")
    line.caller.tls.write(b"two")
    assert await line.caller.read() + await line.caller.read() == b"onetwo"


async def test_a_pause_keeps_what_was_heard_until_it_ends(begin: Callable[..., Line]) -> None:
    line = begin()
    await line.caller.shake_hands()
    line.caller.tls.write(b"pause")
    line.caller.tls.write(b"later")
    hearing = asyncio.ensure_future(line.caller.read())
    await until(lambda: bool(line.protocol.heard))
    await asyncio.sleep(0.05)
    assert line.protocol.heard == b"pause"
    line.transport.resume_reading()
    assert await hearing == b"later"


async def test_a_large_answer_waits_for_a_slow_reader_and_is_whole(
    begin: Callable[..., Line],
) -> None:
    line = begin()
    await line.caller.shake_hands()
    line.caller.tls.write(b"large")
    await line.caller.step()
    assert line.protocol.pauses == ["pause"]
    assert line.transport.get_write_buffer_size() > WRITE_HIGH_BYTES
    assert not line.protocol.lost.done()
    assert await line.caller.read_all() == b"x" * LARGE
    assert await line.protocol.lost is None
    assert line.protocol.pauses == ["pause", "resume"]


async def test_who_said_its_last_word_still_hears_the_answer(begin: Callable[..., Line]) -> None:
    line = begin()
    line.protocol.stays_after_end = True
    await line.caller.shake_hands()
    with contextlib.suppress(ssl.SSLWantReadError):
        line.caller.tls.unwrap()
    await asyncio.get_running_loop().sock_sendall(line.caller.ours, line.caller.said.read())
    await until(lambda: not line.transport.is_reading())
    assert not line.transport.is_closing()
    line.transport.write(b"after all")
    line.transport.close()
    assert await line.protocol.lost is None
    await line.caller.hear()
    assert line.caller.heard.pending > len(b"after all")


async def test_a_caller_that_resets_is_lost_and_told(begin: Callable[..., Line]) -> None:
    line = begin()
    await line.caller.shake_hands()
    line.caller.tls.write(b"large")
    await line.caller.step()
    line.caller.ours.close()
    assert isinstance(await line.protocol.lost, OSError)
    line.transport.write(b"nobody hears")
    line.transport.close()
    assert line.transport.is_closing()


@pytest.mark.parametrize("size", [0, 1, 100])
async def test_a_caller_that_leaves_in_the_handshake_is_told_once(
    begin: Callable[..., Line], size: int
) -> None:
    line = begin()
    with contextlib.suppress(ssl.SSLWantReadError):
        line.caller.tls.do_handshake()
    await asyncio.get_running_loop().sock_sendall(
        line.caller.ours, line.caller.said.read(size or 1)
    )
    line.caller.ours.close()
    await until(lambda: bool(line.failures))
    line.transport.give_up()
    [failure] = line.failures
    assert failure is None or isinstance(failure, ssl.SSLEOFError)


async def test_what_is_no_tls_is_answered_with_an_alert(begin: Callable[..., Line]) -> None:
    line = begin()
    line.caller.ours.sendall(b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: bool(line.failures))
    [failure] = line.failures
    assert isinstance(failure, ssl.SSLError)
    assert failure.reason == "HTTP_REQUEST"


async def test_a_slow_handshake_can_be_given_up_once(begin: Callable[..., Line]) -> None:
    line = begin()
    line.transport.give_up()
    line.transport.give_up()
    line.transport.abort()
    assert line.failures == [None]
    await line.caller.hear()
    assert line.caller.heard.eof
