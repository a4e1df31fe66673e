"""Thousands of simulated phones in one process, and the scenarios they play: a library.

fleet = await open_fleet(specs, "http://127.0.0.1:8080/provision/")
report = await run_scenario(BootStorm(within_s=10), fleet)
await fleet.close()
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from offhook.files_open import raise_open_files
from offhook.simulator.conduct import Conduct, Ground, PhoneSpec, Stage
from offhook.simulator.fleet_phone import FleetPhone
from offhook.simulator.http_link import Place, find_place
from offhook.simulator.own_host import is_this_host
from offhook.simulator.reading import Reader
from offhook.simulator.record import Record
from offhook.simulator.report import MakerRow, Report, spread_of
from offhook.simulator.wire import (
    Address,
    OnDatagram,
    OwnWire,
    SharedSockets,
    Wire,
    can_share,
    loopback_address,
)
from offhook.tasks import spawn

PHONES_A_SOCKET = 512


class NotAllowedError(Exception):
    """The PBX is on another machine, and nobody said that the network is theirs."""


class Scenario(Protocol):
    """What a fleet plays. `figures` are its own findings; `step` says what it does now."""

    name: str
    step: str
    figures: dict[str, float]

    async def run(self, fleet: Fleet) -> None:
        """Play it to its end."""
        ...

    def progress(self, fleet: Fleet) -> float:
        """How much of it is done, 0 to 1."""
        ...


class Fleet:
    """The phones. `stages` counts them by how far they are, `record` notes what happens.

    `sockets_short` says how many of them could have no connection if all had one at once.
    """

    def __init__(self, url: str, place: Place, conduct: Conduct, *, owns_network: bool) -> None:
        self.url = url
        self.place = place
        self.conduct = conduct
        self.owns_network = owns_network
        self.phones: list[FleetPhone] = []
        self.stages: Counter[Stage] = Counter()
        self.record = Record()
        self.sockets_short = 0
        self._changed = asyncio.Event()
        self._shared: SharedSockets | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._found: dict[tuple[str, int], asyncio.Task[Address]] = {}
        self._ground = Ground(
            place=place,
            conduct=conduct,
            record=self.record,
            reader=Reader(),
            find=self._find,
            spawn=self.spawn,
            on_stage=self._on_stage,
        )

    @property
    def right(self) -> int:
        """How many phones are up with the account they should have; looks at each."""
        return sum(phone.is_right for phone in self.phones)

    @property
    def has_addresses(self) -> bool:
        """True when each phone has an address of its own."""
        return self._shared is not None

    @property
    def settled(self) -> int:
        """How many phones are up or have given up."""
        return self.stages[Stage.UP] + self.stages[Stage.FAILED]

    def add(self, specs: Sequence[PhoneSpec]) -> None:
        """Set up phones, powered off. On the loopback each has an address of its own."""
        is_loopback = ipaddress.ip_address(self.place.address).is_loopback
        if is_loopback and ":" not in self.place.address and can_share():
            self._shared = self._shared or SharedSockets(len(specs) // PHONES_A_SOCKET + 1)
        needed = len(specs) * (1 if self._shared else 2)
        self.sockets_short = needed - raise_open_files(needed)
        for spec in specs:
            self.phones.append(self._phone(spec, len(self.phones)))
            self.stages[Stage.OFF] += 1

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task that ends with the fleet."""
        task = spawn(coroutine, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def until(self, is_reached: Callable[[], bool]) -> None:
        """Wait for what the phones do, looking after each step of one."""
        while not is_reached():
            self._changed.clear()
            await self._changed.wait()

    async def until_settled(self) -> None:
        """Wait until every phone is up or has given up."""
        await self.until(lambda: self.settled == len(self.phones))

    async def close(self) -> None:
        """Lose power: nothing is un-registered. Idempotent."""
        for phone in self.phones:
            phone.stop()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for phone in self.phones:
            await phone.sip.close(silently=True)
        if self._shared is not None:
            self._shared.close()

    def _phone(self, spec: PhoneSpec, index: int) -> FleetPhone:
        shared = self._shared
        if shared is not None:
            address = loopback_address(index)

            def open_shared(heard: OnDatagram) -> Wire:
                return shared.open(address, heard)

            return FleetPhone(
                spec, self._ground, address=address, source=address, open_wire=open_shared
            )
        own = _own_address(self.place.address)

        def open_own(heard: OnDatagram) -> Wire:
            return OwnWire(own, heard)

        return FleetPhone(spec, self._ground, address=own, source="", open_wire=open_own)

    def _on_stage(self, was: Stage, now: Stage) -> None:
        self.stages[was] -= 1
        self.stages[now] += 1
        self._changed.set()

    async def _find(self, host: str, port: int) -> Address:
        """Look up where phones are to register, once for all. Raises OSError."""
        key = (host, port)
        if key not in self._found:
            self._found[key] = spawn(self._look_up(host, port), f"look {host} up")
        return await asyncio.shield(self._found[key])

    async def _look_up(self, host: str, port: int) -> Address:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        address = str(found[0][4][0])
        if not self.owns_network and not is_this_host(address):
            raise OSError(f"{host} is not this machine, so nothing is sent there")
        return address, port


async def open_fleet(
    specs: Sequence[PhoneSpec],
    url: str,
    *,
    conduct: Conduct | None = None,
    owns_network: bool = False,
) -> Fleet:
    """Set up a fleet; `url` is the folder that phones ask, with a slash at its end.

    Raises ValueError for another URL, OSError for a server without an address, NotAllowedError.
    """
    place = await find_place(url)
    if not place.path.endswith("/"):
        raise ValueError(f"{url!r} does not end in a slash")
    if not owns_network and not await asyncio.to_thread(is_this_host, place.host):
        raise NotAllowedError(f"{place.host} is not this machine")
    fleet = Fleet(url, place, conduct or Conduct(), owns_network=owns_network)
    fleet.add(specs)
    return fleet


async def run_scenario(
    scenario: Scenario, fleet: Fleet, *, stop: asyncio.Event | None = None
) -> Report:
    """Play a scenario to its end, or until `stop` is set, and report."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    playing = spawn(scenario.run(fleet), f"scenario {scenario.name}")
    stopping = spawn((stop or asyncio.Event()).wait(), "wait for the person")
    try:
        await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
        is_whole = playing.done()
        if is_whole:
            playing.result()
    finally:
        for task in (playing, stopping):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return report_of(scenario, fleet, loop.time() - began, is_whole=is_whole)


def report_of(scenario: Scenario, fleet: Fleet, seconds: float, *, is_whole: bool) -> Report:
    """Put a report together from what was noted so far."""
    record = fleet.record
    return Report(
        scenario=scenario.name,
        url=fleet.url,
        phones=len(fleet.phones),
        seconds=seconds,
        is_whole=is_whole,
        figures={"right": fleet.right, **scenario.figures},
        counts=dict(sorted(record.counts.items())),
        rates=record.rates(),
        times_s=record.spreads(),
        makers=_maker_rows(fleet.phones),
        failures=record.failures(),
        retried=record.retried(),
    )


def _maker_rows(phones: Sequence[FleetPhone]) -> tuple[MakerRow, ...]:
    by_maker: dict[str, list[FleetPhone]] = {}
    for phone in phones:
        by_maker.setdefault(phone.spec.profile.label, []).append(phone)
    return tuple(
        MakerRow(
            maker=maker,
            phones=len(members),
            right=sum(phone.is_right for phone in members),
            boots=sum(phone.boots for phone in members),
            boot_s=spread_of(phone.boot_s for phone in members if phone.boots),
        )
        for maker, members in sorted(by_maker.items())
    )


def _own_address(to: str) -> str:
    """The address of this machine that leads there; connecting a UDP socket sends nothing."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((to, 9))
        return str(probe.getsockname()[0])
