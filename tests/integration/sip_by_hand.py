"""A SIP phone by hand: every line of its requests is the test's, on UDP or TCP."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from offhook.sip.digest import (
    Algorithm,
    Credentials,
    digest_response,
    parse_digest_fields,
    write_credentials,
)
from offhook.sip.message import Request, Response, render_response
from offhook.sip.parse import parse_datagram

HOST = "127.0.0.1"


@dataclass(slots=True, kw_only=True)
class HandPhone:
    """One UDP socket. `domain`, `via` and the others stand in its requests as given."""

    port: int
    extension: str
    secret: str
    domain: str = HOST
    via: str = ""
    contact: str = ""
    expires: int = 3600
    user_agent: str = "Acme One 1.2.3"
    rport: str = ";rport"
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    cseq: int = 0
    own: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.setblocking(False)
        self.own.bind((HOST, 0))

    @property
    def place(self) -> str:
        """Where it listens."""
        return f"{HOST}:{self.own.getsockname()[1]}"

    def request(self, *more: str, uri: str = "", user: str | None = None) -> bytes:
        """Write a REGISTER; an empty user leaves it out of To and From."""
        name = self.extension if user is None else user
        aor = f"<sip:{name}@{self.domain}>" if name else f"<sip:{self.domain}>"
        self.cseq += 1
        contact = self.contact or f"sip:{name}@{self.place}"
        lines = [
            f"REGISTER {uri or f'sip:{self.domain}'} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.via or self.place};branch=z9hG4bK{secrets.token_hex(6)}"
            + self.rport,
            f"From: {aor};tag=a1",
            f"To: {aor}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} REGISTER",
            "Max-Forwards: 70",
            f"User-Agent: {self.user_agent}",
            f"Contact: <{contact}>",
            f"Expires: {self.expires}",
            *more,
            "Content-Length: 0",
        ]
        return "\r\n".join((*lines, "", "")).encode()

    def signature(
        self,
        nonce: str,
        *,
        name: str | None = None,
        realm: str = "offhook",
        uri: str = "",
        method: str = "REGISTER",
        header: str = "Authorization",
    ) -> str:
        """Write an Authorization line; the digest itself is right for what it says."""
        credentials = Credentials(
            username=self.extension if name is None else name,
            realm=realm,
            nonce=nonce,
            uri=uri or f"sip:{self.domain}",
            response="",
        )
        answer = digest_response(Algorithm.MD5, credentials, self.secret, method)
        return f"{header}: {write_credentials(credentials, answer)}"

    async def send(self, data: bytes) -> None:
        """Send without waiting for anything."""
        await asyncio.get_running_loop().sock_sendto(self.own, data, (HOST, self.port))

    async def ask(self, data: bytes) -> Response:
        """Send and read the answer."""
        await self.send(data)
        async with asyncio.timeout(10):
            answer = parse_datagram(await asyncio.get_running_loop().sock_recv(self.own, 65_535))
        assert isinstance(answer, Response)
        return answer

    async def nonce(self) -> str:
        """Get a fresh nonce."""
        answer = await self.ask(self.request())
        assert answer.status == 401
        return _nonce_of(answer, "www-authenticate")

    async def register(self, *, name: str | None = None, realm: str = "offhook") -> int:
        """Register with two requests; gives the status of the last answer."""
        line = self.signature(await self.nonce(), name=name, realm=realm)
        return (await self.ask(self.request(line))).status

    async def register_over_tcp(self) -> int:
        """Register over a connection that is closed afterwards."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        status, line = 0, ""
        for _ in range(2):
            data = self.request(*([line] if line else ()))
            writer.write(data.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
            async with asyncio.timeout(10):
                answer = parse_datagram(await reader.readuntil(b"\r\n\r\n"))
            assert isinstance(answer, Response)
            status = answer.status
            if status == 401:
                line = self.signature(_nonce_of(answer, "www-authenticate"))
        writer.close()
        await writer.wait_closed()
        return status

    async def call(self, number: str) -> int:
        """Call with digest; gives the status of the final answer, which is acknowledged."""
        call_id, line = secrets.token_hex(8), ""
        for cseq in (1, 2):
            data = self._invite(number, call_id, cseq, "INVITE", *([line] if line else ()))
            await self.send(data)
            answer = await self._final()
            await self.send(self._invite(number, call_id, cseq, "ACK"))
            if answer.status != 407:
                break
            nonce = _nonce_of(answer, "proxy-authenticate")
            uri = f"sip:{number}@{self.domain}"
            line = self.signature(nonce, uri=uri, method="INVITE", header="Proxy-Authorization")
        return answer.status

    async def refuse(self, status: int, reason: str) -> None:
        """Wait for one INVITE and refuse it."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while True:
                data, source = await loop.sock_recvfrom(self.own, 65_535)
                request = parse_datagram(data)
                if isinstance(request, Request) and request.method == "INVITE":
                    break
        answer = render_response(
            request, status, reason, [("User-Agent", self.user_agent)], to_tag="b1"
        )
        await loop.sock_sendto(self.own, answer, source)

    def _invite(self, number: str, call_id: str, cseq: int, method: str, *more: str) -> bytes:
        branch = f"z9hG4bK{call_id}{cseq}"
        lines = [
            f"{method} sip:{number}@{self.domain} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.place};branch={branch};rport",
            f"From: <sip:{self.extension}@{self.domain}>;tag=c1",
            f"To: <sip:{number}@{self.domain}>",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            f"Contact: <sip:{self.extension}@{self.place}>",
            *more,
            "Content-Length: 0",
        ]
        return "\r\n".join((*lines, "", "")).encode()

    async def _final(self) -> Response:
        async with asyncio.timeout(10):
            while True:
                data = await asyncio.get_running_loop().sock_recv(self.own, 65_535)
                answer = parse_datagram(data)
                if isinstance(answer, Response) and answer.status >= 200:
                    return answer


def _nonce_of(answer: Response, name: str) -> str:
    fields = parse_digest_fields(answer.headers.first(name) or "")
    assert fields is not None
    return fields["nonce"]


@contextlib.asynccontextmanager
async def by_hand(
    port: int, extension: str, secret: str, **more: object
) -> AsyncIterator[HandPhone]:
    """A phone by hand whose socket is closed at the end."""
    phone = HandPhone(port=port, extension=extension, secret=secret, **more)  # type: ignore[arg-type] # as the test says
    try:
        yield phone
    finally:
        phone.own.close()
