"""Plain requests, read strictly: one whole head in the commonest form.

Whatever is written in another way, though it may be right, is left to uvicorn's parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from offhook.web.peer import Scope

HEAD_MAX_BYTES = 4096

# RFC 9112 §3 and §5, without what may be written but phones do not write: other characters in the
# target, blanks before the colon, folded lines.
_FIELDS = rb"((?:[A-Za-z0-9_-]+:[\t -~\x80-\xff]*\r\n)*)\r\n"
_HEAD = re.compile(rb"(GET|HEAD) (/[A-Za-z0-9/._~%$(){}?=&:,;@+!*'-]*) HTTP/1\.1\r\n" + _FIELDS)
_CALL = re.compile(rb"(POST) (/api/[a-z/]+) HTTP/1\.1\r\n" + _FIELDS)
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,7}")
# They change how the connection goes on, or what follows the head.
_FRAMING = frozenset(
    {
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        b"proxy-connection",
    }
)
_KEEPS = {b"keep-alive": True, b"close": False}


@dataclass(frozen=True, slots=True)
class Head:
    """A request before its body; `keeps_alive` when the connection is kept after it."""

    method: str
    raw_path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    keeps_alive: bool

    def scope(self, client: object, server: object, scheme: str) -> Scope:
        """Give what an application is told of it, in the words of ASGI."""
        return {
            "scheme": scheme,
            "method": self.method,
            "raw_path": self.raw_path,
            "query_string": self.query,
            "headers": self.headers,
            "client": client,
            "server": server,
        }


def parse_head(data: bytes) -> Head | None:
    """Read a whole request without a body; None for anything that is not as plain as that."""
    found = _HEAD.fullmatch(data) if len(data) <= HEAD_MAX_BYTES else None
    if found is None:
        return None
    method, target, lines = found.groups()
    read = _read_fields(lines)
    if read is None or read.length is not None:
        return None
    path, _, query = target.partition(b"?")
    return Head(method.decode(), path, query, tuple(read.headers), read.keeps_alive)


def parse_call(data: bytes) -> tuple[Head, int, int] | None:
    """Read the head of a POST to the API without a query; None for anything less plain.

    Gives with it where its body begins and ends, which may not be there yet.
    """
    end = data.find(b"\r\n\r\n", 0, HEAD_MAX_BYTES) + 4
    found = _read_call(data[:end])
    return None if found is None else (found[0], end, end + found[1])


@lru_cache(maxsize=64)  # a script sends the same head over and over
def _read_call(data: bytes) -> tuple[Head, int] | None:
    found = _CALL.fullmatch(data)
    if found is None:
        return None
    method, path, lines = found.groups()
    read = _read_fields(lines)
    if read is None or read.length is None:
        return None
    return Head(method.decode(), path, b"", tuple(read.headers), read.keeps_alive), read.length


@dataclass(slots=True)
class _Fields:
    headers: list[tuple[bytes, bytes]]
    keeps_alive: bool = True
    length: int | None = None


def _read_fields(lines: bytes) -> _Fields | None:
    """Read the fields; None for framing that is not plain."""
    read = _Fields([])
    for line in lines.splitlines() if lines else ():
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _FRAMING:
            return None
        if name == b"content-length":
            if read.length is not None or _LENGTH.fullmatch(value) is None:
                return None
            read.length = int(value)
        if name == b"connection":
            told = _KEEPS.get(value.lower())
            if told is None:
                return None
            read.keeps_alive = read.keeps_alive and told
        read.headers.append((name, value))
    return read
