"""A telephone's own small HTTP/1.1 client: one GET a connection, strict about the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 4 * 1024 * 1024


class FetchError(Exception):
    """No answer came, or one that a telephone could not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer; header names in lower case, the last of a name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def fetch(
    host: str,
    port: int,
    target: str,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    method: str = "GET",
    source: str = "",
) -> Fetched:
    """GET a path as it stands, without normalising it. Raises FetchError.

    `source` is the local address to ask from, empty for the usual one.
    """
    name = f"[{host}]" if ":" in host else host
    lines = [f"{method} {target} HTTP/1.1", f"Host: {name}:{port}"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8")
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(host, port, head, source, is_bodiless=method == "HEAD")
    except TimeoutError:
        raise FetchError(f"no answer in {timeout_s:g} seconds") from None
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise FetchError("the answer broke off") from None
    except OSError as error:
        raise FetchError(error.strerror or str(error)) from None


async def _exchange(
    host: str, port: int, head: bytes, source: str, *, is_bodiless: bool
) -> Fetched:
    reader, writer = await asyncio.open_connection(
        host, port, limit=MAX_HEAD_BYTES, local_addr=(source, 0) if source else None
    )
    try:
        writer.write(head)
        await writer.drain()
        status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
        is_empty = is_bodiless or status in (204, 304)
        body = b"" if is_empty else await _read_body(reader, headers)
        return Fetched(status=status, headers=headers, body=body)
    finally:
        writer.transport.abort()


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    length = body_length(headers)
    if length is None:
        return await reader.read(MAX_BODY_BYTES)
    return await reader.readexactly(length)


def body_length(headers: Mapping[str, str]) -> int | None:
    """Give the bytes of the body, None when it ends with the connection. Raises FetchError."""
    if "transfer-encoding" in headers:
        raise FetchError("the answer is chunked, which old firmware cannot read")
    length = headers.get("content-length")
    if length is None:
        return None
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise FetchError(f"Content-Length is {length[:20]!r}")
    return int(length)


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Read the head of an answer with the empty line that ends it. Raises FetchError."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()):
        raise FetchError(f"this is no HTTP answer: {first[:60]!r}")
    headers = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon:
            raise FetchError(f"header line without a colon: {line[:60]!r}")
        headers[key.strip().lower()] = value.strip()
    return int(status), headers
