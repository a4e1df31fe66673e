"""A stranger on loopback: a socket at any address of 127/8, and what it sends."""

from __future__ import annotations

import asyncio
import re
import socket
from itertools import count
from typing import Self

from offhook.sip.message import Response
from offhook.sip.parse import parse_datagram
from tests.unit.sip.build import Pbx

METHODS = (
    "REGISTER",
    "OPTIONS",
    "INVITE",
    "MESSAGE",
    "SUBSCRIBE",
    "PUBLISH",
    "NOTIFY",
    "REFER",
    "BYE",
    "CANCEL",
)
_numbers = count(1)
# What differs from one answer to the next by its nature: nonce, tags, branch, Call-ID, moment.
_OF_THE_MOMENT = (
    re.compile(rb'nonce="[^"]*"'),
    re.compile(rb"tag=[^;\r ]*"),
    re.compile(rb"branch=[^;\r ]*"),
    re.compile(rb"\r\nCall-ID: [^\r]*"),
    re.compile(rb"\r\nDate: [^\r]*"),
)


def strange(
    method: str, number: str, *, to_tag: str = "", cseq: int = 1, call_id: str = "", more: str = ""
) -> bytes:
    """A request that concerns an extension, from and to it, as scanners write it."""
    call_id = call_id or f"strange-{next(_numbers)}"
    suffix = f";tag={to_tag}" if to_tag else ""
    uri = "sip:127.0.0.1" if method == "REGISTER" else f"sip:{number}@127.0.0.1"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-{next(_numbers)};rport",
        f'From: "{number}"<sip:{number}@127.0.0.1>;tag=s',
        f'To: "{number}"<sip:{number}@127.0.0.1>{suffix}',
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        f"Contact: <sip:{number}@127.0.0.1:5060>",
        "Max-Forwards: 70",
        "User-Agent: friendly-scanner",
        *([more] if more else []),
        "Content-Length: 0",
    ]
    return "\r\n".join((*lines, "", "")).encode()


def probes(method: str, number: str) -> list[bytes]:
    """The ways to ask one thing: outside a dialog, inside a made-up one, with an event."""
    return [
        strange(method, number),
        strange(method, number, to_tag="made-up"),
        strange(method, number, more="Event: dialog"),
        strange(method, number, more="Event: ua-profile\r\nRequire: path\r\nExpires: 0"),
    ]


def blank(answer: bytes, number: str) -> bytes:
    """Take out of an answer what may differ: the number asked for and what is of the moment."""
    for pattern in _OF_THE_MOMENT:
        answer = pattern.sub(b"", answer)
    return answer.replace(number.encode(), b"NUMBER")


class Stranger:
    """A UDP socket at an address, talking to a port of 127.0.0.1."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.port = int(self._socket.getsockname()[1])
        self._to = ("127.0.0.1", port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send and do not wait."""
        self._socket.sendto(data, self._to)

    async def ask(self, data: bytes) -> bytes:
        """Send and read the answer, final ones only."""
        loop = asyncio.get_running_loop()
        self.send(data)
        async with asyncio.timeout(5.0):
            while True:
                answer = await loop.sock_recv(self._socket, 65_535)
                if not answer.startswith(b"SIP/2.0 1"):
                    return answer

    async def status(self, data: bytes) -> int:
        """Send and read the status of the answer."""
        return int((await self.ask(data)).split(b" ", 2)[1])

    async def guess(self, method: str, number: str, secret: str, **more: str) -> bytes:
        """Answer a challenge with a password; gives the answer to that, else what came first."""
        data = strange(method, number, **more)  # type: ignore[arg-type] # as the test says
        challenge = parse_datagram(first := await self.ask(data))
        if not isinstance(challenge, Response) or challenge.status not in (401, 407):
            return first
        return await self.ask(Pbx().signed(data, challenge, user=number, secret=secret))

    async def tries(self, number: str, secret: str, times: int = 1) -> list[int]:
        """Register with a password so many times; gives the statuses."""
        answers = [await self.guess("REGISTER", number, secret) for _ in range(times)]
        return [int(answer.split(b" ", 2)[1]) for answer in answers]
