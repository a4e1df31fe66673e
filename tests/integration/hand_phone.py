"""A SIP phone by hand, over TCP, for what no real phone can be told to do at a moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from offhook.sip.message import Message, Request, Response, render_response
from offhook.sip.stream import Framer
from tests.unit.sip.build import Pbx


@dataclass
class HandPhone:
    """A phone by hand, over TCP: it signs what is challenged and keeps what comes."""

    user: str
    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: Framer = field(default_factory=Framer)
    came: list[Message] = field(default_factory=list)
    requests: int = 0
    secret: str = ""

    @classmethod
    async def connect(cls, user: str, port: int, secret: str = "") -> HandPhone:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(user=user, port=port, reader=reader, writer=writer, secret=secret)

    @property
    def contact(self) -> str:
        host, port = self.writer.get_extra_info("sockname")
        return f"<sip:{self.user}@{host}:{port};transport=tcp>"

    def build(
        self, method: str, to: str, *lines: str, call_id: str, to_tag: str = "", uri: str = ""
    ) -> bytes:
        self.requests += 1
        uri = uri or f"sip:{to}@127.0.0.1"
        head = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{self.user}{self.requests};rport",
            f"From: <sip:{self.user}@127.0.0.1>;tag={self.user}",
            f"To: <sip:{to}@127.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {self.user}-{call_id}",
            f"CSeq: {self.requests} {method}",
            f"Contact: {self.contact}",
            "Max-Forwards: 70",
            *lines,
            "Content-Length: 0",
        ]
        return "\r\n".join((*head, "", "")).encode()

    async def ask(self, method: str, to: str, *lines: str, **more: str) -> Response:
        """Send a request, with digest when asked; gives its final answer."""
        data = self.build(method, to, *lines, **more)
        self.writer.write(data)
        answer = await self.answer()
        if answer.status in (401, 407):
            self.writer.write(self.sign(data, answer))
            answer = await self.answer()
        return answer

    def sign(self, data: bytes, challenge: Response) -> bytes:
        """Add the answer to a challenge to a request."""
        return Pbx().signed(data, challenge, user=self.user, secret=self.secret)

    async def take(self, kind: type[Request] | type[Response], method: str = "") -> Message:
        """Wait for the next message of a kind; what comes before it stays."""
        async with asyncio.timeout(10):
            while True:
                for item in self.came:
                    if isinstance(item, kind) and method in ("", getattr(item, "method", "")):
                        self.came.remove(item)
                        return item
                data = await self.reader.read(65_536)
                assert data, "the connection was closed"
                self.came += [
                    item for item in self.framer.feed(data) if isinstance(item, Request | Response)
                ]

    async def answer(self) -> Response:
        """Wait for a final answer."""
        while True:
            found = await self.take(Response)
            assert isinstance(found, Response)
            if found.status >= 200:
                return found

    async def asked(self, method: str) -> Request:
        """Wait for a request."""
        found = await self.take(Request, method)
        assert isinstance(found, Request)
        return found

    def say(self, request: Request, status: int) -> None:
        """Answer a request."""
        pairs = (("Contact", self.contact),)
        self.writer.write(render_response(request, status, "R", pairs, to_tag=self.user))
