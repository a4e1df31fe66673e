"""One GET with nothing around it: its status and its Server header."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass

AGENT = "offhook-probe/1"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer; `status` 0 is what is no HTTP. `server` as its header says, may be empty."""

    status: int
    server: str = ""


async def get(address: str, port: int, path: str, *, host: str, is_tls: bool) -> Got:
    """Ask an address for a path of `host`, as a test: no history takes it for a phone's.

    Raises OSError.
    """
    reader, writer = await asyncio.open_connection(
        address, port, ssl=trusting() if is_tls else None, limit=16_384
    )
    try:
        shown = f"[{host}]" if ":" in host else host
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {shown}:{port}",
            f"User-Agent: {AGENT}",
            "X-Offhook-Test: 1",
            "Accept: */*",
            "Connection: close",
        )
        writer.write("\r\n".join((*lines, "", "")).encode("ascii", "replace"))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return Got(status=0)
    finally:
        writer.transport.abort()
    return read_head(head)


def read_head(head: bytes) -> Got:
    """Read status and server of an answer's head."""
    found = _STATUS.match(head)
    if found is None:
        return Got(status=0)
    named = re.search(rb"\r\nserver:[ \t]*([^\r\n]{0,80})", head, re.IGNORECASE)
    server = named[1].decode("latin-1").strip() if named else ""
    return Got(status=int(found[1]), server="".join(it for it in server if it.isprintable()))


def trusting() -> ssl.SSLContext:
    """Give a client that takes any certificate: what is asked here is who answers at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
