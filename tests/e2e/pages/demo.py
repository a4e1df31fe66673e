"""A small company with phones of all makers: most are right, some are sick, some knock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from offhook.tasks import spawn
from tests.faultbench.bench import Bench, benched

PEOPLE = {
    "1001": "Ada Lovelace",
    "1002": "Grace Hopper",
    "1003": "Zoë O'Neil",
    "1004": "Łukasz Wiśniewski",
    "1005": "Reception",
    "1006": "Radia Perlman",
    "1007": "Edsger Dijkstra",
    "1008": "Barbara Liskov",
    "1009": "Ken Thompson",
    "1010": "Meeting room <North>",
    "1011": "Margaret Hamilton",
    "1012": "Tony Hoare",
}
RIGHT = {
    "1001": ("yealink", "127.0.1.1"),
    "1002": ("polycom", "127.0.1.2"),
    "1003": ("grandstream", "127.0.1.3"),
    "1004": ("cisco", "127.0.1.4"),
    "1005": ("zultys", "127.0.1.5"),
    "1006": ("yealink", "127.0.1.6"),
    "1007": ("polycom", "127.0.1.7"),
}
STRANGERS = (
    ("0015650a0b0c.cfg", "Yealink SIP-T42S 66.86.0.15 00:15:65:0a:0b:0c", "127.0.2.1"),
    ("0015650003f9.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:00:03:f9", "127.0.2.2"),
    ("cfg000b82c0ffee.xml", "Grandstream Model HW GXP2170 SW 1.0.11.64", "127.0.2.3"),
    ("a4580f112233.cfg", "<b>Phone</b> of nobody", "127.0.2.4"),
)
_DIRECTORY = """\
id,name,number,email,enabled
1,Ada Lovelace,1001,ada@example.com,true
2,Alan Turing,1201,alan@example.com,true
3,Joan Clarke,1202,joan@example.com,true
4,Donald Knuth,1203,don@example.com,true
"""


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Bench]:
    """A filled PBX; its phones live in this loop."""
    (folder / "people.csv").write_text(_DIRECTORY, encoding="utf-8")
    settings = {
        "integrations__file__enabled": "true",
        "integrations__file__path": str(folder / "people.csv"),
    }
    async with benched(folder, **settings) as bench:
        for number, name in PEOPLE.items():
            await bench.extension(number, name)
        for number, (vendor, address) in RIGHT.items():
            await bench.well(vendor, number, address)
        await _fall_ill(bench)
        for file, agent, address in STRANGERS:
            await bench.get(file, agent, address=address)
        await _talk(bench)
        yield bench


async def _fall_ill(bench: Bench) -> None:
    """One never asked, one only fetched, one has an old secret, one died before a change."""
    await bench.device("yealink", "1008")
    fetched = await bench.device("grandstream", "1009")
    await bench.phone(fetched, "grandstream", address="127.0.1.9").fetch_files()
    await bench.device("cisco", "1010")
    wrong = await bench.device("yealink", "1011")
    phone = bench.phone(wrong, "yealink", address="127.0.1.11")
    await phone.fetch_files()
    await bench.register(
        bench.sip_phone("127.0.1.11"), "1011", "an old secret", mac=wrong, expires_s=600
    )
    dead = await bench.well("polycom", "1012", "127.0.1.12")
    dead.die()
    path = "/api/extensions/1012"
    await bench.call("PATCH", path, {"name": "Sir Tony Hoare"})


async def _talk(bench: Bench) -> None:
    """A call that goes on until the end: 1002 talks to 1005."""
    caller, called = await bench.by_hand("1002"), await bench.by_hand("1005")
    assert await caller.register() == 200
    assert await called.register() == 200
    picked_up = spawn(called.refuse(200, "OK"), "picking up")
    assert await caller.call("1005") == 200
    await picked_up
