"""Both SIP engines under one roof: what a test of the contract needs of either."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from offhook.actions.ports import SipEngine
from offhook.core.secret import Secret
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.kamailio import KamailioEngine
from offhook.engines.kamailio_config import Cluster, database_url
from offhook.engines.kamailio_credentials import KamailioCredentials
from offhook.engines.kamailio_node import NodeAddress, Waits
from tests.integration.engine_room import Room
from tests.integration.kamailio import Kamailio, make_cluster


@dataclass
class Office(Room):
    """A room whose secrets can change; a number that is missing is unknown or disabled."""

    secrets: dict[str, Secret] = field(
        default_factory=lambda: {n: Secret(f"secret{n}") for n in ("1001", "1002", "1003")}
    )

    def credentials(self, number: str) -> Secret | None:
        return self.secrets.get(number)


class House(Protocol):
    """An engine that runs, with what is around it."""

    office: Office

    @property
    def engine(self) -> SipEngine: ...

    @property
    def port(self) -> int: ...

    async def open(self) -> None:
        """Start everything."""

    async def close(self) -> None:
        """Stop everything."""

    async def change(self, number: str, secret: str | None) -> None:
        """Give an extension another secret, or disable it; returns when it holds."""

    async def restart(self) -> None:
        """Restart what Offhook is of the engine."""


class EmbeddedHouse:
    """The embedded engine."""

    def __init__(self, folder: Path) -> None:
        self.office = Office()
        self.engine: EmbeddedEngine = self.office.engine()

    @property
    def port(self) -> int:
        return self.engine.port

    async def open(self) -> None:
        await self.engine.start()

    async def close(self) -> None:
        await self.engine.stop()

    async def change(self, number: str, secret: str | None) -> None:
        _set(self.office, number, secret)

    async def restart(self) -> None:
        await self.engine.stop()
        self.engine = self.office.engine(port=self.engine.port)
        await self.engine.start()


class KamailioHouse:
    """Kamailio with one or several nodes, each a process of its own."""

    def __init__(
        self,
        folder: Path,
        nodes: int = 1,
        database: str = "",
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.office = Office()
        self.folder = folder
        self.cluster: Cluster = make_cluster(
            database or f"sqlite:///{folder / 'db'}", nodes=nodes, tls=tls
        )
        self.nodes = [Kamailio(self.cluster, node.number) for node in self.cluster.nodes]
        self.build()

    def build(self, events: str = "") -> None:
        """Make an engine that was never started; `events` is another way to the first node's."""
        self.credentials = KamailioCredentials(
            database_url(self.cluster.database),
            realm="offhook",
            secrets=lambda: self.office.secrets,
            retry_s=0.1,
        )
        self.engine = KamailioEngine(
            [
                NodeAddress(
                    name=f"node {n.number}", sip=n.sip, rpc=n.rpc, events=events or n.events
                )
                for n in self.cluster.nodes
            ],
            credentials=self.credentials,
            publish=self.office.publish,
            now=self.office.now,
            waits=Waits(ping_every_s=1.0),
        )

    @property
    def port(self) -> int:
        return self.nodes[0].port

    async def open(self) -> None:
        # The tables are Offhook's to make: Kamailio does not start without them.
        await self.credentials.start()
        await self.credentials.stop()
        self.build()
        await asyncio.gather(*(self.start_node(node) for node in self.nodes))
        await self.engine.start()

    async def start_node(self, node: Kamailio) -> None:
        """Start the process of a node; a stopped one again."""
        await node.start(self.folder / f"node{node.node.number}")

    async def kill_node(self, node: Kamailio) -> None:
        """Kill all processes of a node: none of them can write anything any more."""
        for pid in processes(node):
            os.kill(pid, signal.SIGKILL)
        await node.stop(signal.SIGKILL)

    async def close(self) -> None:
        await self.engine.stop()
        await asyncio.gather(*(node.stop() for node in self.nodes))

    async def change(self, number: str, secret: str | None) -> None:
        _set(self.office, number, secret)
        self.credentials.mark((number,))
        await self.credentials.wait_settled()

    async def restart(self) -> None:
        await self.engine.stop()
        self.build()
        await self.engine.start()

    async def is_up(self, count: int) -> None:
        """Wait until so many nodes are up for the engine."""
        await until(lambda: self.engine.health().counters["nodes_up"] == count)


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for what nothing tells of: ask again and again."""
    async with asyncio.timeout(20.0):
        while True:
            found = holds()
            if found is True or (not isinstance(found, bool) and await found):
                return
            await asyncio.sleep(0.02)


def processes(node: Kamailio) -> list[int]:
    """Give the ids of a node's main process and of its children."""
    process = node._process
    assert process is not None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [process.pid, *map(int, children.split())]


def _set(office: Office, number: str, secret: str | None) -> None:
    office.secrets.pop(number, None)
    if secret is not None:
        office.secrets[number] = Secret(secret)
