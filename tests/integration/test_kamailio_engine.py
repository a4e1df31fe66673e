"""Offhook with Kamailio nodes that die, come back, are several, or are not there at all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.actions.ports import NotifyKind
from offhook.core.events import PhoneRegistered, PhoneUnregistered
from offhook.simulator.sip_phone import SipPhone
from tests.integration.calls import add, add_device, registered
from tests.integration.engine_houses import KamailioHouse, processes, until
from tests.integration.kamailio import Kamailio
from tests.integration.phones import Baresip
from tests.integration.running import client, running_pbx
from tests.integration.test_engines import order, seen, sign_in

pytestmark = pytest.mark.needs("kamailio")


@contextlib.asynccontextmanager
async def opened(folder: Path, nodes: int = 1) -> AsyncIterator[KamailioHouse]:
    house = KamailioHouse(folder, nodes)
    try:
        await house.open()
        yield house
    finally:
        await house.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[KamailioHouse]:
    async with opened(tmp_path) as house:
        yield house


@pytest.fixture
async def phone() -> AsyncIterator[SipPhone]:
    phone = SipPhone(timeout_s=4.0)
    yield phone
    await phone.close(silently=True)


class Cable:
    """The way to an event channel, which can be cut."""

    def __init__(self, place: str) -> None:
        host, _, port = place.rpartition(":")
        self._to = (host, int(port))
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pipe(reader, far_writer), self._pipe(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.transport.abort()


async def test_a_node_that_dies_is_told_once_and_taken_up_again(
    house: KamailioHouse, phone: SipPhone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "offhook.sip")
    await sign_in(phone, house)
    await seen(house)
    await house.nodes[0].stop(signal.SIGTERM)
    await house.is_up(0)
    health = house.engine.health()
    assert not health.is_up
    assert [(part.name, part.is_up, bool(part.problem)) for part in health.parts] == [
        ("Kamailio node 1", False, True)
    ]
    # The phone still believes to be registered, and so do we; but nobody carries an order.
    assert len(house.engine.registrations()) == 1
    outcome = await order(house)
    assert (outcome.kind, outcome.reason) == (NotifyKind.FAILED, "no Kamailio node answers")
    await house.start_node(house.nodes[0])
    await house.is_up(1)
    assert [part.problem for part in house.engine.health().parts] == [""]
    [registration] = house.engine.registrations()
    assert registration.contact == phone.contact
    assert (await order(house)).kind is NotifyKind.ACCEPTED
    told = [record.levelname for record in caplog.records if "node 1" in record.getMessage()]
    assert told == ["WARNING", "INFO"]
    assert not [e for e in house.office.events if isinstance(e, PhoneUnregistered)]


async def test_what_was_missed_becomes_events(house: KamailioHouse) -> None:
    cable = Cable(house.nodes[0].node.events)
    await cable.mend()
    await house.engine.stop()
    house.build(events=cable.place)
    await house.engine.start()
    leaves, stays, moves, comes = (SipPhone() for _ in range(4))
    for number, phone in (("1001", leaves), ("1002", stays), ("1003", moves)):
        await sign_in(phone, house, number)
    await seen(house, 3)
    await cable.cut()
    await house.is_up(0)
    await leaves.unregister()
    moves.boot()
    await sign_in(moves, house, "1003")
    await sign_in(comes, house, "1001")
    house.office.events.clear()
    await cable.mend()
    await house.is_up(1)
    await house.office.wait(PhoneUnregistered)
    found = {
        (e.registration.contact, e.is_new, e.was_rebooted)
        for e in house.office.events
        if isinstance(e, PhoneRegistered)
    }
    assert found == {(comes.contact, True, False), (moves.contact, False, True)}
    gone = [e for e in house.office.events if isinstance(e, PhoneUnregistered)]
    assert [(e.registration.contact, e.reason) for e in gone] == [(leaves.contact, "removed")]
    await cable.cut()
    for phone in (leaves, stays, moves, comes):
        await phone.close(silently=True)


async def test_a_node_that_hangs_is_lost(house: KamailioHouse) -> None:
    pids = processes(house.nodes[0])
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await house.is_up(0)
        assert "does not answer" in house.engine.health().parts[0].problem
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    await house.is_up(1)


async def test_registrations_outlive_a_kill_of_all_nodes_but_one(
    tmp_path: Path, phone: SipPhone
) -> None:
    async with opened(tmp_path, nodes=2) as house:
        await sign_in(phone, house)
        await seen(house)
        first, second = house.nodes
        await until(lambda: _holds(second, "1001"))
        assert len(house.engine.registrations()) == 1
        assert (await order(house)).kind is NotifyKind.ACCEPTED
        assert _via_port(phone) == first.port
        await house.kill_node(first)
        await house.is_up(1)
        assert house.engine.health().is_up
        [registration] = house.engine.registrations()
        assert registration.contact == phone.contact
        assert (await order(house)).kind is NotifyKind.ACCEPTED
        assert _via_port(phone) == second.port
        await house.restart()
        assert len(house.engine.registrations()) == 1
        await house.start_node(first)
        await house.is_up(2)
        assert len(house.engine.registrations()) == 1
        assert not [e for e in house.office.events if isinstance(e, PhoneUnregistered)]


async def test_removing_holds_at_every_node(tmp_path: Path, phone: SipPhone) -> None:
    async with opened(tmp_path, nodes=2) as house:
        await sign_in(phone, house)
        await seen(house)
        await until(lambda: _holds(house.nodes[1], "1001"))
        assert await house.engine.remove("1001") == 1
        await house.restart()
        assert house.engine.registrations() == ()


@pytest.mark.needs("baresip")
async def test_a_call_is_listed_while_it_lasts(house: KamailioHouse, tmp_path: Path) -> None:
    caller, callee = Baresip(), Baresip()
    try:
        await callee.start(
            "1002",
            "secret1002",
            house.port,
            "udp",
            tmp_path / "b",
            answers="manual",
            is_driven=True,
        )
        await caller.start("1001", "secret1001", house.port, "udp", tmp_path / "a", is_driven=True)
        await seen(house, 2)
        await caller.dial(f"sip:1002@127.0.0.1:{house.port}")
        await callee.rings()
        await _calls(house, [("1001", "1002", "ringing")])
        await callee.accept()
        await _calls(house, [("1001", "1002", "talking")])
        await caller.hang_up()
        await _calls(house, [])
    finally:
        await caller.stop()
        await callee.stop()


async def test_without_kamailio_phones_get_files_and_the_fault_is_named(tmp_path: Path) -> None:
    house = KamailioHouse(tmp_path / "kamailio")
    node = house.nodes[0].node
    port = node.sip.rpartition(":")[2]
    text = f"""\
server: {{external_ip: 127.0.0.1, bind: 127.0.0.1, http_port: 0, sip_port: {port}}}
sip:
  engine: kamailio
  kamailio:
    database: {house.cluster.database}
    nodes: [{{sip: "{node.sip}", rpc: "{node.rpc}", events: "{node.events}"}}]
"""
    async with running_pbx(tmp_path, text=text) as running, client(running) as api:
        status = (await api.get("/api/status")).json()["sip"]
        assert (status["up"], status["engine"], status["listening"]) == (False, "kamailio", [])
        [part] = status["parts"]
        assert not part["up"]
        told = (await api.get("/api/provisioning/diagnostics")).json()
        assert "P409" in [finding["code"] for finding in told["findings"]]
        await add(api)
        await add_device(api)
        answer = await api.get(
            "/provision/001565123456.cfg",
            headers={"User-Agent": "Yealink SIP-T46S 66.85.0.15 00:15:65:12:34:56"},
        )
        assert answer.status_code == 200
        assert f"account.1.sip_server.1.port = {port}" in answer.text
        await house.start_node(house.nodes[0])
        try:
            await until(lambda: running.pbx.engine.health().is_up)
            assert (await api.get("/api/status")).json()["sip"]["up"]
            heard: asyncio.Queue[str] = asyncio.Queue()
            phone = await registered(running.pbx, api)
            phone.on_notify = heard.put_nowait
            renamed = await api.put("/api/extensions/1001", json={"name": "Another"})
            assert renamed.status_code == 200, renamed.text
            async with asyncio.timeout(10.0):
                assert await heard.get() == "check-sync;reboot=true"
            told = (await api.get("/api/provisioning/diagnostics")).json()
            assert "P409" not in [finding["code"] for finding in told["findings"]]
            await phone.close()
        finally:
            await house.nodes[0].stop()


async def _holds(node: Kamailio, number: str) -> bool:
    try:
        await node.rpc("ul.lookup", "location", number)
    except OSError:
        return False
    return True


def _via_port(phone: SipPhone) -> int:
    via = phone.requests[-1].headers.first("via") or ""
    return int(via.split(" ")[1].partition(";")[0].rpartition(":")[2])


async def _calls(house: KamailioHouse, wanted: list[tuple[str, str, str]]) -> None:
    await until(lambda: wanted == [(c.caller, c.callee, c.state) for c in house.engine.calls()])
