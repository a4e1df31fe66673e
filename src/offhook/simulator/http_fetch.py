"""One request on a connection of its own, for who has a host and a port instead of a phone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

from offhook.simulator.http_answer import Fetched, FetchError
from offhook.simulator.http_link import HttpLink, Place


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
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise FetchError(error.strerror or str(error)) from None
    place = Place(address=str(found[0][4][0]), port=port, host=host, path="/")
    link = HttpLink(place, source=source)
    return await link.ask(target, headers.items(), timeout_s=timeout_s, method=method)
