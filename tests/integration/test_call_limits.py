"""Calls that go wrong on the wire: a phone that floods, one that rings for ever, torture."""

from __future__ import annotations

import asyncio
import socket

import pytest

from offhook.engines.embedded import EmbeddedEngine
from offhook.sip.message import Request, Response, render_response
from offhook.sip.openings import MAX_OPEN_OF_ONE
from offhook.sip.parse import parse_datagram
from tests.integration.engine_room import Room, running
from tests.unit.sip.build import Pbx, response_of
from tests.unit.sip.rfc4475 import MESSAGES
from tests.unit.sip.test_torture import TABLE, Row, title

PATIENCE_S = 10.0


class BarePhone:
    """A socket with an extension; the test writes every message itself."""

    def __init__(self, number: str, port: int) -> None:
        self.number = number
        self._to = ("127.0.0.1", port)
        self._branches = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))

    @property
    def contact(self) -> str:
        return f"sip:{self.number}@127.0.0.1:{self.socket.getsockname()[1]}"

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendto(self.socket, data, self._to)

    async def hear(self, method: str = "", *, call_id: str = "", above: int = 99) -> bytes:
        """Wait for a request of a method, or for a response of a call with a higher status."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                data = await loop.sock_recv(self.socket, 65_535)
                parsed = parse_datagram(data)
                if isinstance(parsed, Request) and parsed.method == method:
                    return data
                is_meant = isinstance(parsed, Response) and parsed.status > above and not method
                if is_meant and call_id in (parsed.headers.first("call-id") or ""):  # type: ignore[union-attr] # a Response
                    return data

    async def ask(self, method: str, uri: str, to: str, call_id: str) -> Response:
        """Send a request with digest; gives the first answer to the second try."""
        self._branches += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{self.number}-{self._branches};rport",
            f"From: <sip:{self.number}@pbx>;tag={call_id}",
            f"To: <sip:{to}@pbx>",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {method}",
            f"Contact: <{self.contact}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        data = "\r\n".join((*lines, "", "")).encode()
        await self.send(data)
        challenge = response_of(await self.hear(call_id=call_id))
        assert challenge.status in (401, 407)
        await self.send(Pbx().signed(data, challenge, user=self.number))
        return response_of(await self.hear(call_id=call_id))

    async def register(self) -> None:
        answer = await self.ask("REGISTER", "sip:pbx", self.number, f"boot-{self.number}")
        assert answer.status == 200

    async def call(self, to: str, call_id: str) -> Response:
        return await self.ask("INVITE", f"sip:{to}@pbx", to, call_id)


async def phones(engine: EmbeddedEngine) -> list[BarePhone]:
    found = [BarePhone(number, engine.port) for number in ("1001", "1002", "1003")]
    for phone in found:
        await phone.register()
    return found


async def test_a_phone_that_floods_is_stopped_and_others_still_call() -> None:
    async with running(Room().engine()) as engine:
        wild, callee, calm = await phones(engine)
        for n in range(MAX_OPEN_OF_ONE):
            assert (await wild.call("1002", f"wild-{n}.")).status == 100
        refused = await wild.call("1002", "one-more")
        assert (refused.status, refused.headers.first("retry-after")) == (486, "5")
        assert (await calm.call("1002", "calm")).status == 100
        while b"Call-ID: calm\r\n" not in await callee.hear("INVITE"):
            pass
        for phone in (wild, callee, calm):
            phone.socket.close()


async def test_a_phone_that_rings_for_ever_is_cancelled_and_the_caller_hears_408() -> None:
    async with running(Room().engine(ring_s=0.2)) as engine:
        caller, callee, third = await phones(engine)
        assert (await caller.call("1002", "long")).status == 100
        asked = parse_datagram(await callee.hear("INVITE"))
        assert isinstance(asked, Request)
        await callee.send(render_response(asked, 180, "Ringing", to_tag="callee"))
        assert response_of(await caller.hear(call_id="long", above=100)).status == 180
        cancel = parse_datagram(await callee.hear("CANCEL"))
        assert isinstance(cancel, Request)
        await callee.send(render_response(cancel, 200, "OK", to_tag="callee"))
        await callee.send(render_response(asked, 487, "Request Terminated", to_tag="callee"))
        assert await callee.hear("ACK")
        assert response_of(await caller.hear(call_id="long", above=199)).status == 408
        assert engine.calls() == ()
        for phone in (caller, callee, third):
            phone.socket.close()


async def test_no_torture_message_stops_the_server() -> None:
    async with running(Room().engine()) as engine:
        phone = BarePhone("1001", engine.port)
        for data in MESSAGES.values():
            await phone.send(data)
        await phone.register()
        counters = engine.health().counters
        assert counters["received"] == len(MESSAGES) + 2
        assert counters.get("failed", 0) == 0
        phone.socket.close()


# On a stream the length decides: what announces more than it has is waited for (0), what
# announces nothing cannot be read (RFC 3261 §18.3).
ON_A_STREAM = {"clerr": 0, "ipv6-in-sdp": 0, "multi01": 0, "inv2543": 400}


@pytest.mark.parametrize("row", [row for row in TABLE if not row.signed], ids=title)
async def test_torture_over_tcp_gets_its_verdict(row: Row) -> None:
    expected = ON_A_STREAM.get(row.name, row.status)
    async with running(Room().engine()) as engine:
        reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
        writer.write(MESSAGES[row.name])
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        first = answer.partition(b"\r\n")[0]
        assert (first.split()[1] if first else b"0") == str(expected).encode()
        assert engine.health().counters.get("failed", 0) == 0
