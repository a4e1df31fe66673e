"""POST /api/diagnosis/probes against real sockets: ours, none, somebody else's."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from offhook.actions.probes import KEPT, Probes
from offhook.app import utc_now
from offhook.diagnosis.probe_facts import ClockFact, DhcpFact
from offhook.errors import BadRequestError
from offhook.probes.dhcp import DhcpProbeError, choose_interface, collect_offers
from offhook.probes.look import Look
from tests.integration.calls import add, add_device
from tests.integration.certificates import Authority
from tests.integration.commands import offhook_now, troubleshoot
from tests.integration.running import Running, client, running_pbx

MAC = "00:15:65:12:34:56"
EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


async def probed(running: Running, **order: object) -> dict[str, Mapping[str, Any]]:
    async with client(running) as api:
        answer = await api.post("/api/diagnosis/probes", json=order or None)
        assert answer.status_code == 200, answer.text
        return {item["probe"]: item for item in answer.json()["probes"]}


def codes(probe: Mapping[str, Any]) -> list[str]:
    return [item["code"] for item in probe["findings"]]


@asynccontextmanager
async def stranger(port: int, answer: bytes, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that is not ours, on one port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, host, port)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_healthy_ports_are_seen_to_be_ours(running: Running) -> None:
    found = await probed(running)
    for name in ("http", "sip-udp", "sip-tcp"):
        assert found[name]["ok"], found[name]
        assert not found[name]["findings"]
    assert "by this server" in found["http"]["what"]
    assert "dhcp" not in found


async def test_probe_leaves_no_trace_that_looks_like_a_phone(running: Running) -> None:
    await probed(running)
    async with client(running) as api:
        told = (await api.get("/api/provisioning/diagnostics")).json()
    assert told["statistics"]["failed_requests"] == 0
    assert not [line for line in told["warnings"] if line.startswith(("P2", "P3", "P8"))]


async def test_address_where_nobody_listens_is_named(tmp_path: Path) -> None:
    async with running_pbx(tmp_path, server__external_ip="127.0.0.9") as running:
        found = await probed(running)
        assert not found["http"]["ok"]
        assert codes(found["http"]) == ["P901"]
        assert "connection refused" in found["http"]["findings"][0]["evidence"][0]["what"]
        assert codes(found["sip-udp"]) == ["P901"]
        assert codes(found["sip-tcp"]) == ["P901"]


async def test_other_server_at_our_address_is_named(tmp_path: Path) -> None:
    async with running_pbx(tmp_path, server__external_ip="127.0.0.9") as running:
        answer = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"
        async with (
            stranger(running.http.port, answer, "127.0.0.9"),
            stranger(running.pbx.sip_port, b"220 mail.example.org\r\n\r\n", "127.0.0.9"),
        ):
            found = await probed(running)
    assert codes(found["http"]) == ["P902"]
    assert "another server (nginx)" in found["http"]["what"]
    assert codes(found["sip-tcp"]) == ["P902"]


async def test_name_without_address_is_one_fault_and_not_three(tmp_path: Path) -> None:
    async with running_pbx(tmp_path, server__external_ip="pbx.invalid") as running:
        found = await probed(running)
    assert codes(found["name pbx.invalid"]) == ["P903"]
    assert not found["http"]["ok"]
    assert codes(found["http"]) == codes(found["sip-udp"]) == []


async def test_findings_of_probes_are_part_of_verdicts_until_they_are_old(tmp_path: Path) -> None:
    ahead = timedelta(0)
    async with running_pbx(
        tmp_path, lambda: utc_now() + ahead, server__external_ip="127.0.0.9"
    ) as running:
        await probed(running)
        async with client(running) as api:
            await add(api)
            await add_device(api)
            assert "P901" in await verdict_codes(api)
            ahead = KEPT + timedelta(seconds=1)
            assert "P901" not in await verdict_codes(api)


async def verdict_codes(api: httpx.AsyncClient) -> set[str]:
    told = (await api.get(f"/api/diagnosis/{MAC}")).json()
    return {item["code"] for item in told["findings"]}


async def test_expired_certificate_of_an_own_authority_is_told(tmp_path: Path) -> None:
    file = Authority().write(tmp_path / "pbx.pem")
    ahead = timedelta(0)
    async with running_pbx(
        tmp_path, lambda: utc_now() + ahead, sip__tls_certificate=str(file), sip__tls_port="0"
    ) as running:
        found = await probed(running)
        assert found["sip-tls"]["ok"], found["sip-tls"]
        assert codes(found["certificate"]) == ["P909"]
        ahead = timedelta(days=20)
        assert "P906" in codes((await probed(running))["certificate"])
        ahead = timedelta(days=40)
        assert "P905" in codes((await probed(running))["certificate"])
        file.write_bytes(file.read_bytes().partition(b"-----BEGIN PRIVATE")[0])
        assert "P906" in codes((await probed(running))["certificate"])


class TimeServer(asyncio.DatagramProtocol):
    """Tells a time that is an hour ahead of ours."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        told = int((utc_now() - EPOCH).total_seconds()) + 3600
        stamp = struct.pack(">II", told % 2**32, 0)
        self.transport.sendto(b"\x24\x02" + bytes(22) + data[40:48] + bytes(8) + stamp, addr)


async def test_clock_is_compared_with_the_time_server(running: Running) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(TimeServer, ("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        look = Look(config=running.pbx.config, ntp_server="127.0.0.1", now=utc_now, ntp_port=port)
        told = await look.clock()
        assert told.offset_s is not None
        assert 3500 < told.offset_s < 3700
        look.ntp_port = running.pbx.sip_port  # answers no SNTP
        assert (await look.clock()).problem == "no answer in time"
    finally:
        transport.close()


class Waiting:
    """A prober that waits until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()

    def probes(self) -> Any:
        yield "clock", self.clock

    async def clock(self) -> ClockFact:
        self.asked.set()
        await self.go.wait()
        return ClockFact(server="x", offset_s=0.0, problem="", at=utc_now())

    async def dhcp(self, interface: str) -> DhcpFact:
        raise DhcpProbeError(f"this machine has no interface {interface!r}")


async def test_second_round_is_refused_while_one_runs(running: Running) -> None:
    prober = Waiting()
    probes = Probes(state=running.pbx.state, config=running.pbx.config, prober=prober, now=utc_now)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(probes.run(with_dhcp=True, interface="eth9"))
        await prober.asked.wait()
        with pytest.raises(BadRequestError, match="running already") as refused:
            await probes.run()
        assert refused.value.status == 409
        prober.go.set()
    clock, dhcp = first.result()
    assert clock.is_ok
    assert (dhcp.is_ok, dhcp.what) == (False, "this machine has no interface 'eth9'")


def test_dhcp_on_an_interface_that_is_not_there_says_so() -> None:
    with pytest.raises(DhcpProbeError, match=r"no interface 'nope0'|needs root"):
        collect_offers("nope0", 0.1)
    assert choose_interface("192.0.2.1") != "lo"


async def test_unreadable_order_is_refused(running: Running) -> None:
    async with client(running) as api:
        for order in ({"interface": "eth0; rm"}, {"interface": "e" * 16}, {"dhcq": True}):
            answer = await api.post("/api/diagnosis/probes", json=order)
            assert answer.status_code in (400, 422), order


async def test_doctor_prints_the_probes_on_demand_only(running: Running, tmp_path: Path) -> None:
    port = str(running.http.port)
    without = await troubleshoot("--port", port, cwd=tmp_path)
    assert "Probes" not in without.out
    told = await troubleshoot("--port", port, "--probe", cwd=tmp_path)
    assert "6. Probes" in told.out, told.out + told.err
    assert "by this server" in told.out
    same = await asyncio.to_thread(offhook_now, "doctor", "--port", port, "--probe", "--json")
    assert [check["title"] for check in same.data["checks"]][-1] == "Probes"
