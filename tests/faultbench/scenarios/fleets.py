"""A sick phone among hundreds of well ones: it is named, and nobody else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from offhook.actions.ports import PutDevice, PutExtension
from offhook.core.mac import parse_mac
from offhook.core.model import Device, Extension, Line
from offhook.core.secret import Secret
from tests.faultbench.bench import PROFILES, Bench, colons
from tests.faultbench.scenario import scenario

WELL = 500
_AT_ONCE = 16
_MAKERS = ("yealink", "polycom", "grandstream", "cisco", "zultys")


@dataclass(slots=True)
class Office:
    """Well phones of all makers: each has an address of its own, asks for its file, registers.

    Their records are written in one go, as an import would; all that phones do goes over the wire.
    """

    bench: Bench
    sick: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Write the records, and let every phone fetch and register."""
        extensions = [self._extension(index) for index in range(WELL)]
        devices = [self._device(index) for index in range(WELL)]
        writes = [PutExtension(extension=it) for it in extensions]
        await self.bench.pbx.changing.commit(
            [*writes, *(PutDevice(device=it) for it in devices)], []
        )
        await _few_at_once(self._live)

    def mac(self, index: int) -> str:
        """The MAC of a phone, of its maker's block."""
        block = min(PROFILES[_MAKERS[index % len(_MAKERS)]].ouis)
        return f"{block}{0x100000 + 257 * index:06x}"

    def _extension(self, index: int) -> Extension:
        number = str(5000 + index)
        return Extension(
            number=number,
            name=f"Person {number}",
            secret=Secret(f"Fleet9secret{number}"),
            created_at=self.bench.clock(),
        )

    def _device(self, index: int) -> Device:
        profile = PROFILES[_MAKERS[index % len(_MAKERS)]]
        mac, now = parse_mac(self.mac(index)), self.bench.clock()
        assert mac is not None
        return Device(
            mac=mac,
            vendor=profile.name,
            model=profile.models[0].name,
            lines=(Line(index=1, extension=str(5000 + index)),),
            admin_password=Secret("Fleet9admin"),
            created_at=now,
            updated_at=now,
        )

    async def _live(self, index: int) -> None:
        vendor = _MAKERS[index % len(_MAKERS)]
        address, number = f"127.1.{index // 200}.{index % 200 + 1}", str(5000 + index)
        phone = self.bench.phone(self.mac(index), vendor, address=address)
        asked = await phone.ask(PROFILES[vendor].main.format(mac=phone.mac.plain))
        assert (asked.status, asked.error) == (200, "")
        sip = self.bench.sip_phone(address)
        agent = PROFILES[vendor].behaviour.sip_agent.format(
            label=phone.model.label, mac=phone.mac.plain
        )
        secret = f"Fleet9secret{number}"
        assert await self.bench.register(sip, number, secret, agent=agent) == 200

    async def expect(self, code: str, *subjects: str) -> None:
        """The diagnostics name what was made sick so far, by code, and nobody else."""
        for subject in subjects:
            self.sick[subject] = code
        page = await self.bench.call("GET", "/api/provisioning/diagnostics")
        named = {item["subject"] for item in page["findings"]}
        assert named == set(self.sick), named ^ set(self.sick)
        codes = {item["code"] for item in page["problems"]}
        assert code in codes, (code, page["problems"])
        assert page["fleet"]["right"] == WELL, page["summary"]
        assert page["summary"].startswith(f"{WELL} of "), page["summary"]


async def _few_at_once(act: Callable[[int], Awaitable[None]]) -> None:
    places = asyncio.Semaphore(_AT_ONCE)

    async def placed(item: int) -> None:
        async with places:
            await act(item)

    async with asyncio.TaskGroup() as group:
        for item in range(WELL):
            group.create_task(placed(item))


@scenario("P402", r"REGISTER as 2003 from udp:127\.2\.0\.3:\d+, .*wrong_digest")
async def one_sick_phone_after_another_among_five_hundred(bench: Bench) -> str:
    office = Office(bench)
    await office.open()
    first = await bench.device("yealink", "2001", mac="001565fe0001")
    await bench.phone(first, "polycom", address="127.2.0.1").fetch_files()
    assert await bench.register(
        bench.sip_phone("127.2.0.1"), "2001", await bench.secret("2001"), mac=first
    )
    await office.expect("P304", first)
    second = await bench.device("polycom", "2002", mac="0004f2fe0002")
    phone = bench.phone(second, "polycom", address="127.2.0.2")
    assert await phone.boot()
    phone.die()
    answer = await bench.call("PATCH", "/api/extensions/2002", {"name": "Ada King"})
    await bench.settled(answer["reboots"][0]["id"], "unanswered")
    await office.expect("P601", second)
    stranger = "00:04:F2:FE:00:12"
    await bench.phone(stranger, "polycom", address="127.2.0.9").fetch_files()
    await office.expect("P301", colons(stranger))
    third = await bench.device("cisco", "2003", mac="00045afe0003")
    await bench.phone(third, "cisco", address="127.2.0.3").fetch_files()
    sip = bench.sip_phone("127.2.0.3")
    assert await bench.register(sip, "2003", "typed", agent="Cisco-SPA301/7.4") == 401
    bench.later(minutes=5)
    await office.expect("P402", "2003", third)
    return third
