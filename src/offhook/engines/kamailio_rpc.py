"""JSON-RPC to one Kamailio node over HTTP (its `jsonrpcs` and `xhttp` modules)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools

_CHUNK = 256 * 1024
MAX_ANSWER = 256 * 2**20
"""Bytes of an answer read at most: 10,000 contacts take 5.5 MB."""


def split_address(text: str) -> tuple[str, int]:
    """Read `host:port`, an IPv6 address in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise ValueError(f"not host:port: {text}")
    return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcAnswer:
    """What Kamailio answered. It tells errors as HTTP 4xx or 5xx with a JSON body."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The body as text. Phones write into it, so it may be no UTF-8."""
        return self.body.decode("utf-8", "replace")

    @property
    def error(self) -> str:
        """Why it failed; empty when it did not."""
        if self.status == 200:
            return ""
        try:
            message = json.loads(self.text, strict=False)["error"]["message"]
        except (ValueError, LookupError, TypeError):
            message = f"HTTP {self.status}"
        return str(message) or f"HTTP {self.status}"

    @property
    def result(self) -> Any:  # Any: bytes enter here
        """The result of a small answer. Raises ValueError when it is none."""
        try:
            return json.loads(self.text, strict=False)["result"]
        except (LookupError, TypeError):
            raise ValueError("no JSON-RPC result") from None


class RpcClient:
    """Calls one node. Each call has a connection of its own: a NOTIFY's answer takes seconds."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._is_closed = False

    async def call(
        self,
        method: str,
        *params: str,
        timeout_s: float,
        on_sent: Callable[[], None] = lambda: None,
        is_ours: Callable[[], bool] = lambda: True,
    ) -> RpcAnswer:
        """Call a method; `on_sent` is called when Kamailio has the request.

        `is_ours` is asked when everything is ready: False sends nothing (ConnectionAbortedError).

        Raises TimeoutError when there is no answer in time, OSError when there is none at all.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            self._open.add(writer)
            try:
                if not is_ours():
                    raise ConnectionAbortedError("another node leads")
                if self._is_closed:
                    raise ConnectionAbortedError("the SIP engine is stopped")
                writer.write(_request(f"{self._host}:{self._port}", body.encode()))
                await writer.drain()
                on_sent()
                return await self._read(reader)
            finally:
                self._open.discard(writer)
                writer.transport.abort()

    def close(self) -> None:
        """End every call that waits, with ConnectionAbortedError."""
        self._is_closed = True
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> RpcAnswer:
        collector = _Collector()
        while not collector.is_complete:
            data = await reader.read(_CHUNK)
            if not data and self._is_closed:
                raise ConnectionAbortedError("the SIP engine was stopped")
            collector.feed(data)
        return RpcAnswer(status=collector.status, body=bytes(collector.body))


def _request(host: str, body: bytes) -> bytes:
    head = (
        f"POST /RPC HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


class _Collector:
    """Collects one HTTP answer."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.is_complete = False
        self._parser = httptools.HttpResponseParser(self)

    @property
    def status(self) -> int:
        return int(self._parser.get_status_code())

    def feed(self, data: bytes) -> None:
        """Take what was read; empty is the end. Raises ConnectionError when it makes no answer."""
        if not data:
            raise ConnectionResetError("Kamailio closed the connection before it answered")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            raise ConnectionResetError("no HTTP answer from Kamailio") from None
        if len(self.body) > MAX_ANSWER:
            raise ConnectionResetError("an answer of Kamailio is too large")

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self.body += data

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.is_complete = True
