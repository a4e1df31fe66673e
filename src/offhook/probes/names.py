"""Look host names up without ever holding anything else up."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading

TIMEOUT_S = 2.0


async def addresses_of(host: str) -> tuple[tuple[str, ...], str]:
    """Give a host's addresses, or none and why; an address is its own.

    Names below .invalid have none (RFC 6761 §6.4) and are not asked for.
    """
    try:
        return (str(ipaddress.ip_address(host)),), ""
    except ValueError:
        pass
    if host.lower().rstrip(".").endswith(".invalid"):
        return (), "there is no such name"
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[tuple[str, ...], str]] = loop.create_future()

    def look() -> None:
        found = _looked_up(host)
        try:
            loop.call_soon_threadsafe(_tell, answer, found)
        except RuntimeError:  # the loop has ended: nobody waits any more
            return

    # A thread of its own: the loop's executor would make a stop wait for a dead DNS server.
    threading.Thread(target=look, name=f"look up {host}", daemon=True).start()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await answer
    except TimeoutError:
        return (), f"no DNS server answered within {TIMEOUT_S:g} s"


def _looked_up(host: str) -> tuple[tuple[str, ...], str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        is_none = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        return (), "there is no such name" if is_none else str(error.strerror or error).lower()
    except (OSError, UnicodeError) as error:
        return (), str(error).lower()
    return tuple(dict.fromkeys(str(item[4][0]) for item in found)), ""


def _tell(
    answer: asyncio.Future[tuple[tuple[str, ...], str]], found: tuple[tuple[str, ...], str]
) -> None:
    if not answer.done():
        answer.set_result(found)
