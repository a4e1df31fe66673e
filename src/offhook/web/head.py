"""Plain requests for reading, read strictly: one whole head in the commonest form, nothing after.

Whatever is written in another way, though it may be right, is left to uvicorn's parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from offhook.web.peer import Scope

HEAD_MAX_BYTES = 4096

# RFC 9112 §3 and §5, without what may be written but phones do not write: other characters in the
# target, blanks before the colon, folded lines.
_HEAD = re.compile(
    rb"(GET|HEAD) (/[A-Za-z0-9/._~%$(){}?=&:,;@+!*'-]*) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9_-]+:[\t -~\x80-\xff]*\r\n)*)\r\n"
)
# They change how the connection goes on, or what follows the head.
_FRAMING = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        b"proxy-connection",
    }
)
_KEEPS = {b"keep-alive": True, b"close": False}


@dataclass(frozen=True, slots=True)
class Head:
    """A request without a body; `keeps_alive` when the connection is kept after it."""

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
    """Read a whole head; None for anything that is not as plain as that."""
    found = _HEAD.fullmatch(data) if len(data) <= HEAD_MAX_BYTES else None
    if found is None:
        return None
    method, target, lines = found.groups()
    headers = []
    keeps_alive = True
    for line in lines.splitlines() if lines else ():
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _FRAMING:
            return None
        if name == b"connection":
            told = _KEEPS.get(value.lower())
            if told is None:
                return None
            keeps_alive = keeps_alive and told
        headers.append((name, value))
    path, _, query = target.partition(b"?")
    return Head(method.decode(), path, query, tuple(headers), keeps_alive)
