"""The event channel of a Kamailio node: JSON in netstrings (its `evapi` module)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

MAX_FRAME = 64 * 1024
"""Bytes of a frame; Kamailio makes none larger than a SIP message."""
_LENGTH_DIGITS = 5
_CHUNK = 64 * 1024

EventFields = Mapping[str, object]


class FrameReader:
    """Cuts a stream into netstrings: `5:hello,`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, give the frames they complete. Raises ValueError for anything else."""
        self._buffer += data
        frames: list[bytes] = []
        start = 0
        while (end := self._next(start, frames)) > start:
            start = end
        del self._buffer[:start]
        return frames

    def _next(self, start: int, frames: list[bytes]) -> int:
        """Read one frame at `start`; gives where it ends, or `start` when it is incomplete."""
        colon = self._buffer.find(b":", start, start + _LENGTH_DIGITS + 1)
        if colon < 0:
            rest = self._buffer[start : start + _LENGTH_DIGITS + 1]
            if len(rest) > _LENGTH_DIGITS or (rest and not rest.isdigit()):
                raise ValueError("no length of a netstring")
            return start
        digits = self._buffer[start:colon]
        if not digits.isdigit() or int(digits) > MAX_FRAME:
            raise ValueError("no usable length of a netstring")
        end = colon + 1 + int(digits)
        if len(self._buffer) <= end:
            return start
        if self._buffer[end : end + 1] != b",":
            raise ValueError("a netstring without its end")
        frames.append(bytes(self._buffer[colon + 1 : end]))
        return end + 1


def write_frame(data: bytes) -> bytes:
    """Make a netstring."""
    return b"%d:%s," % (len(data), data)


def parse_event(frame: bytes) -> EventFields | None:
    """Read a frame as a JSON object; None when it is none. Phones write into it: any bytes."""
    try:
        found = json.loads(frame.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class EventLink:
    """A connection to one node. It counts as open when Kamailio has answered the first ping.

    Kamailio keeps nothing for a client that it has not accepted yet, and TCP says "connected"
    before: only after the first `pong` is it sure that no event passes us by.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._why = ""

    @classmethod
    async def open(cls, host: str, port: int, timeout_s: float) -> EventLink:
        """Connect. Raises OSError."""
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
        return cls(reader, writer)

    def close(self, why: str = "") -> None:
        """Close at once; what reads gets ConnectionResetError with the reason."""
        self._why = self._why or why
        self._writer.transport.abort()

    def ping(self) -> None:
        """Ask for a `pong`."""
        self._writer.write(write_frame(b'{"cmd":"ping"}'))

    async def read(self, on_event: Callable[[EventFields], None], ping_every_s: float) -> None:
        """Hand on events until the connection ends: OSError or ValueError tells how."""
        self.ping()
        is_asked = True
        while True:
            try:
                async with asyncio.timeout(ping_every_s):
                    data = await self._reader.read(_CHUNK)
            except TimeoutError:
                if is_asked:
                    raise TimeoutError("it does not answer on its event channel") from None
                self.ping()
                is_asked = True
                continue
            if not data:
                raise ConnectionResetError(self._why or "it closed its event channel")
            is_asked = False
            for frame in self._frames.feed(data):
                event = parse_event(frame)
                if event is not None:
                    on_event(event)
