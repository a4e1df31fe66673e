"""Ask a SIP port with OPTIONS, as a phone or a monitor does. RFC 3261 §11."""

from __future__ import annotations

import asyncio
import secrets
import ssl

from offhook.sip.message import Response, make_request
from offhook.sip.parse import parse_datagram, parse_head
from offhook.sip.uri import join_host_port
from offhook.sip.via import write_via

_REPEAT_S = 0.5  # T1, RFC 3261 §17.1.1.1
_LARGEST = 65_535


def render_options(
    transport: str, host: str, port: int, local: tuple[str, int]
) -> tuple[bytes, str]:
    """Write an OPTIONS to a server itself; gives it and its Call-ID."""
    call_id = secrets.token_hex(12)
    place = join_host_port(host, port)
    pairs = (
        ("Via", write_via(transport, *local, f"z9hG4bK{secrets.token_hex(8)}")),
        ("Max-Forwards", "1"),
        ("From", f"<sip:probe@{join_host_port(*local)}>;tag={secrets.token_hex(6)}"),
        ("To", f"<sip:{place}>"),
        ("Call-ID", call_id),
        ("CSeq", "1 OPTIONS"),
        ("User-Agent", "Offhook-probe"),
    )
    uri = f"sip:{place};transport={transport.lower()}" if transport != "UDP" else f"sip:{place}"
    return make_request("OPTIONS", uri, pairs).emit(), call_id


def answer_of(data: bytes, call_id: str) -> Response | None:
    """Read the answer to our OPTIONS; None for anything else."""
    found = parse_datagram(data)
    is_ours = isinstance(found, Response) and found.headers.first("call-id") == call_id
    return found if is_ours and isinstance(found, Response) else None


async def ask_udp(host: str, port: int) -> Response:
    """Ask over UDP, repeated until answered. Raises OSError; the caller sets the deadline."""
    loop = asyncio.get_running_loop()
    transport, asker = await loop.create_datagram_endpoint(_Asker, remote_addr=(host, port))
    try:
        local = transport.get_extra_info("sockname")[:2]
        question, call_id = render_options("UDP", host, port, local)
        while True:
            transport.sendto(question)
            answer = await asker.answer(call_id, _REPEAT_S)
            if answer is not None:
                return answer
    finally:
        transport.close()


async def ask_stream(host: str, port: int, tls: ssl.SSLContext | None = None) -> Response | None:
    """Ask over TCP or TLS; None when what answers is no SIP. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=_LARGEST)
    try:
        local = writer.get_extra_info("sockname")[:2]
        question, call_id = render_options("TLS" if tls else "TCP", host, port, local)
        writer.write(question)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return None
        found = parse_head(head.lstrip(b"\r\n").removesuffix(b"\r\n\r\n"))
        is_ours = isinstance(found, Response) and found.headers.first("call-id") == call_id
        return found if is_ours and isinstance(found, Response) else None
    finally:
        writer.transport.abort()


class _Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._came: asyncio.Queue[bytes | OSError] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if not self._came.full():
            self._came.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError) and not self._came.full():
            self._came.put_nowait(exc)

    async def answer(self, call_id: str, wait_s: float) -> Response | None:
        """Wait for the answer for a while; None when it did not come. Raises OSError."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    came = await self._came.get()
                    if isinstance(came, OSError):
                        raise came
                    answer = answer_of(came, call_id)
                    if answer is not None:
                        return answer
        except TimeoutError:
            return None
