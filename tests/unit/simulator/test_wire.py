"""Datagrams of many phones over few sockets, each from and to an address of its own."""

from __future__ import annotations

import asyncio
import socket

import pytest

from offhook.simulator.wire import OwnWire, SharedSockets, can_share, loopback_address

Heard = list[tuple[bytes, str, int]]


def collect(into: Heard, came: asyncio.Event):
    def on_datagram(data: bytes, host: str, port: int) -> None:
        into.append((data, host, port))
        came.set()

    return on_datagram


@pytest.mark.skipif(not can_share(), reason="IP_PKTINFO as ip(7) tells is Linux's")
async def test_phones_on_one_socket_have_addresses_of_their_own():
    shared = SharedSockets(1)
    came = asyncio.Event()
    heard: list[Heard] = [[], []]
    one, other = (
        shared.open(loopback_address(index), collect(heard[index], came)) for index in range(2)
    )
    try:
        assert (one.address, other.address) == ("127.64.0.1", "127.64.0.2")
        assert one.port == other.port
        one.send(b"hello", (other.address, other.port))
        async with asyncio.timeout(5):
            await came.wait()
        assert heard == [[], [(b"hello", one.address, one.port)]]
        with pytest.raises(ValueError, match=r"127\.64\.0\.2 already"):
            shared.open(other.address, lambda *_: None)
    finally:
        shared.close()
        shared.close()


@pytest.mark.skipif(not can_share(), reason="IP_PKTINFO as ip(7) tells is Linux's")
async def test_what_is_meant_for_nobody_is_dropped():
    shared = SharedSockets(1)
    came = asyncio.Event()
    heard: Heard = []
    wire, gone = (shared.open(loopback_address(i), collect(heard, came)) for i in range(2))
    gone.close()
    gone.close()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"to one that is gone", (gone.address, wire.port))
            sender.sendto(b"to nobody", ("127.0.0.1", wire.port))
            sender.sendto(b"to a phone", (wire.address, wire.port))
        async with asyncio.timeout(5):
            await came.wait()
        assert [data for data, _, _ in heard] == [b"to a phone"]
    finally:
        shared.close()


async def test_a_wire_of_its_own_sends_hears_and_closes():
    came = asyncio.Event()
    heard: Heard = []
    wire = OwnWire("127.0.0.1", collect(heard, came))
    wire.send(b"to itself", (wire.address, wire.port))
    async with asyncio.timeout(5):
        await came.wait()
    assert heard == [(b"to itself", "127.0.0.1", wire.port)]
    wire.close()
    wire.close()
    wire.send(b"lost", ("127.0.0.1", wire.port))
