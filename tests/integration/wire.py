"""HTTP by hand: bytes as they are on the wire, for what no decent client sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: status, fields in lower case, body."""

    status: int
    fields: dict[str, str]
    body: bytes


async def exchange(port: int, data: bytes, *, closes: bool = False) -> bytes:
    """Send bytes and read until the server closes; `closes` ends our side first, as `nc -N`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if closes:
            writer.write_eof()
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def parse(answer: bytes) -> Reply:
    """Read one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return Reply(status=int(first.split(" ")[1]), fields=fields, body=body)


async def ask(port: int, target: bytes, *lines: bytes, method: bytes = b"GET") -> Reply:
    """Ask for one target and read the answer; the target is sent as it is."""
    head = [method + b" " + target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *lines]
    return parse(await exchange(port, b"\r\n".join(head) + b"\r\n\r\n"))
