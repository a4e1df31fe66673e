"""A running PBX with devices for simulated phones, and the fleet that plays them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from offhook.simulator.conduct import Conduct, PhoneSpec
from offhook.simulator.fleet import Fleet, open_fleet
from offhook.simulator.http_link import find_place
from offhook.simulator.site import Site, planned
from tests.integration.running import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The PBX's API, and what is planned there."""

    running: Running
    site: Site
    specs: Sequence[PhoneSpec]

    @property
    def folder(self) -> str:
        return f"{self.running.url}/provision/"


@asynccontextmanager
async def house(running: Running, count: int) -> AsyncIterator[House]:
    """Add devices of all makers."""
    site = Site(await find_place(running.url))
    try:
        specs = planned(count, 900000)
        await site.add(specs)
        yield House(running=running, site=site, specs=specs)
    finally:
        site.close()


@asynccontextmanager
async def playing(
    of: House, conduct: Conduct | None = None, specs: Sequence[PhoneSpec] | None = None
) -> AsyncIterator[Fleet]:
    """Open a fleet for the length of a block."""
    chosen = of.specs if specs is None else specs
    fleet = await open_fleet(chosen, of.folder, conduct=conduct or Conduct(patience_s=30))
    try:
        yield fleet
    finally:
        await fleet.close()
