"""A phone on a stream, by hand: bytes as the test says, messages as they come."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from offhook.sip.message import Message, Request, Response
from offhook.sip.stream import Framer
from tests.unit.sip.build import Pbx, register


class StreamPhone:
    """One connection; `read` gives the next message."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transport: str
    ) -> None:
        self.transport = transport
        self.writer = writer
        self._reader = reader
        self._framer = Framer()
        self._messages: list[Message] = []
        self._cseq = 0
        host, port = writer.get_extra_info("sockname")[:2]
        self.place = f"{host}:{port}"

    @property
    def source(self) -> str:
        return f"{self.transport}:{self.place}"

    def contact(self, number: str) -> str:
        return f"sip:{number}@{self.place};transport={self.transport}"

    def send(self, data: bytes) -> None:
        self.writer.write(
            data.replace(b"SIP/2.0/UDP", f"SIP/2.0/{self.transport}".upper().encode())
        )

    async def read(self, timeout_s: float = 5.0) -> Message:
        async with asyncio.timeout(timeout_s):
            while not self._messages:
                data = await self._reader.read(65_536)
                assert data, "the connection was closed"
                items = self._framer.feed(data)
                self._messages += [i for i in items if isinstance(i, Request | Response)]
        return self._messages.pop(0)

    async def request(self) -> Request:
        while not isinstance(found := await self.read(), Request):
            pass
        return found

    async def response(self) -> Response:
        found = await self.read()
        assert isinstance(found, Response), found
        return found

    async def register(self, number: str, contact: str = "") -> int:
        self._cseq += 1
        data = register(
            user=number,
            contact=f"<{contact or self.contact(number)}>",
            call_id=f"boot-{number}",
            cseq=self._cseq,
        )
        return (await self.ask(data, number)).status

    async def ask(self, data: bytes, number: str) -> Response:
        """Send a request, with digest when asked, and give the first answer but 100."""
        self.send(data)
        challenge = await self.response()
        assert challenge.status in (401, 407), challenge
        self.send(Pbx().signed(data, challenge, user=number, secret=f"secret{number}"))
        while (answer := await self.response()).status == 100:
            pass
        return answer

    async def is_cut_off(self) -> bool:
        """Wait for the end of the connection."""
        try:
            async with asyncio.timeout(5.0):
                while await self._reader.read(65_536):
                    pass
        except (ConnectionError, ssl.SSLError):
            return True
        except TimeoutError:
            return False
        return True


@contextlib.asynccontextmanager
async def stream_phone(
    port: int, context: ssl.SSLContext | None = None
) -> AsyncIterator[StreamPhone]:
    """Connect to a port of the PBX, with a context over TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield StreamPhone(reader, writer, "tls" if context else "tcp")
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
