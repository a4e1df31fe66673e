"""Ask a time server for the time: an SNTP client. RFC 5905 §7.3, §14; RFC 4330 §5."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NTP_PORT = 123
_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_ERA = timedelta(seconds=2**32)
_CLIENT = 0x23  # no leap warning, version 4, mode 3
_SERVER_MODE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTime:
    """An answer that tells no time, and why."""

    reason: str


def render_question(nonce: bytes) -> bytes:
    """Write the request; eight random bytes stand for our time, which nobody needs to know."""
    return bytes((_CLIENT,)) + bytes(39) + nonce


def parse_answer(packet: bytes, nonce: bytes, now: datetime) -> datetime | NoTime:
    """Read the server's transmit time; `now` chooses the era. RFC 5905 §6."""
    if len(packet) < 48 or packet[0] & 7 != _SERVER_MODE or packet[24:32] != nonce:
        return NoTime(reason="no answer to our question")
    stratum, leap = packet[1], packet[0] >> 6
    if stratum == 0:  # kiss-o'-death, RFC 5905 §7.4
        word = packet[12:16].decode("ascii", "replace").rstrip("\0")
        return NoTime(reason=f"it refuses to tell the time: {word!r}")
    if leap == 3 or stratum > 15:
        return NoTime(reason="its own clock is not set")
    seconds, fraction = struct.unpack(">II", packet[40:48])
    if not seconds:
        return NoTime(reason="its answer holds no time")
    told = _EPOCH + timedelta(seconds=seconds + fraction / 2**32)
    while now - told > _ERA / 2:
        told += _ERA
    return told


async def ask_time(host: str, now: Callable[[], datetime], port: int = NTP_PORT) -> float | NoTime:
    """Give how far our clock is behind, in seconds. The caller sets the deadline."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Asker, remote_addr=(host, port))
    try:
        nonce = secrets.token_bytes(8)
        before = now()
        transport.sendto(render_question(nonce))
        while True:
            packet = await protocol.packets.get()
            if isinstance(packet, OSError):
                raise packet
            after = now()
            told = parse_answer(packet, nonce, after)
            if isinstance(told, datetime):
                middle = before + (after - before) / 2
                return (told - middle).total_seconds()
            if packet[24:32] == nonce:
                return told
    finally:
        transport.close()


class _Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packets: asyncio.Queue[bytes | OSError] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if not self.packets.full():
            self.packets.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError) and not self.packets.full():
            self.packets.put_nowait(exc)
