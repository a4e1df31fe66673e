"""Bytes as a source of choices for a story."""

from __future__ import annotations

_NAMES = (
    b"Contact",
    b"Route",
    b"Record-Route",
    b"Path",
    b"Require",
    b"Proxy-Require",
    b"Supported",
    b"Expires",
    b"Event",
    b"Accept",
    b"Via",
    b"Max-Forwards",
    b"Authorization",
    b"Proxy-Authorization",
    b"Content-Type",
    b"Subscription-State",
    b"Refer-To",
    b"User-Agent",
    b"MAC",
    b"X",
)


class Reader:
    """Takes numbers and pieces off the front of bytes; gives zeros and nothing at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """True when everything was read."""
        return self._at >= len(self._data)

    def number(self, below: int) -> int:
        """Read one byte as a number below `below`."""
        value = self._data[self._at] if not self.is_empty else 0
        self._at += 1
        return value % below

    def piece(self) -> bytes:
        """Read a length byte and as many bytes."""
        length = self.number(256)
        piece = self._data[self._at : self._at + length]
        self._at += length
        return piece

    def line(self) -> bytes:
        """Read a header line: none, one of a known name, or any bytes."""
        kind = self.number(len(_NAMES) + 6)
        if kind < 5:
            return b""
        if kind == 5:
            return self.piece()
        return _NAMES[kind - 6] + b": " + self.piece()
