"""Two nodes on one PostgreSQL, with two Kamailio as their SIP edge, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from offhook.engines.kamailio_config import Cluster, Node
from offhook.engines.kamailio_config import database_url as kamailio_url
from offhook.engines.kamailio_database import open_tables
from offhook.simulator.http_fetch import FetchError, fetch
from offhook.simulator.sip_phone import SipPhone
from tests.e2e.server import Server, wait_for
from tests.integration.kamailio import make_cluster, write_config

AGENT = "Yealink SIP-T46S 66.85.0.5 %s"
FETCH_TIMEOUT_S = 30
CONFIG = """\
server: {external_ip: 127.0.0.1, bind: 127.0.0.1, http_port: 0, sip_port: %(sip_port)s,
  node_name: %(name)s}
provisioning: {url_format: "http://127.0.0.1:8080/provision/{mac}.cfg"}
reboot: {answer_timeout_s: 2, fetch_timeout_s: %(fetch_timeout_s)s, per_second: %(per_second)s}
store: {url: "%(store_url)s", key_file: %(key_file)s}
sip:
  engine: kamailio
  kamailio: {database: "%(store_url)s", nodes: %(nodes)s}
logging: {file: logs/pbx.log}
"""


class KamailioProcess:
    """One Kamailio in the foreground."""

    def __init__(self, cluster: Cluster, node: Node, folder: Path) -> None:
        self.node = node
        self.port = int(node.sip.rpartition(":")[2])
        self._folder = folder
        self._config = write_config(cluster, node.number, folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        with (self._folder / "output.txt").open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [
                    *("kamailio", "-f", str(self._config), "-DD", "-E", "-m", "32", "-M", "8"),
                    *("-w", str(self._folder), "-Y", str(self._folder)),
                    *("-P", str(self._folder / "pid")),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it answers."""
        wait_for(self._answers, 60, lambda: (self._folder / "output.txt").read_text())

    def _answers(self) -> bool:
        asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "core.uptime"}).encode()
        try:
            with urlopen(Request(f"http://{self.node.rpc}/RPC", asked), timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """End it and its children."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
            self._process = None


class NodeServer(Server):
    """One node of the site."""

    def __init__(self, folder: Path, name: str, text: str) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.name = name
        self.config.write_text(text, encoding="utf-8")

    def status(self) -> Any:
        """What it says of itself."""
        return self.api("GET", "/api/status")

    def is_leading(self) -> bool:
        """Whether it sends orders and runs syncs."""
        return bool(self.status()["node"]["leading"])

    def metric(self, name: str) -> int:
        """A figure of its monitoring."""
        found = re.search(rf"^{name} (\d+)", self.call("GET", "/metrics")[1], re.MULTILINE)
        assert found, name
        return int(found[1])

    def pause(self, how: signal.Signals = signal.SIGSTOP) -> None:
        """Stop the process where it stands, or let it go on."""
        assert self.process is not None
        self.process.send_signal(how)


class Site:
    """Both nodes, both Kamailio; phones are made by tests."""

    def __init__(self, folder: Path, url: str, per_second: float) -> None:
        self.url = url
        self.cluster = make_cluster(url, nodes=2)
        self.kamailios = [
            KamailioProcess(self.cluster, node, folder / f"kamailio{node.number}")
            for node in self.cluster.nodes
        ]
        nodes = ", ".join(
            f'{{sip: "{n.sip}", rpc: "{n.rpc}", events: "{n.events}"}}' for n in self.cluster.nodes
        )
        values = {
            "sip_port": self.kamailios[0].port,
            "store_url": url,
            "key_file": folder / "secret.key",
            "nodes": f"[{nodes}]",
            "fetch_timeout_s": FETCH_TIMEOUT_S,
            "per_second": per_second,
        }
        self.nodes = [
            NodeServer(folder / name, name, CONFIG % {**values, "name": name})
            for name in ("north", "south")
        ]
        open_tables(kamailio_url(url)).dispose()

    def start(self) -> None:
        """Start everything; returns when both nodes follow both Kamailio."""
        for kamailio in self.kamailios:
            kamailio.start()
        for kamailio in self.kamailios:
            kamailio.wait()
        for node in self.nodes:
            node.start()
        self.wait_up()

    def wait_up(self) -> None:
        """Wait until both nodes know each other and both Kamailio, and one leads."""
        wait_for(self._is_up, 90, self.told)

    def _is_up(self) -> bool:
        told = [node.status() for node in self.nodes]
        return (
            all(
                it["sip"]["counters"].get("nodes_up") == len(self.kamailios)
                and [other["alive"] for other in it["nodes"]] == [True, True]
                for it in told
            )
            and [it["node"]["leading"] for it in told].count(True) == 1
        )

    def told(self) -> str:
        """What the nodes say, for a test that failed: their state and the end of their logs."""
        return "\n".join(
            f"--- {node.name}\n{node.get_or_none('/api/status')}\n{_orders(node)}"
            f"\n{node.output()[-2000:]}"
            for node in self.nodes
        )

    def leader(self) -> tuple[NodeServer, NodeServer]:
        """The node that leads, and the other."""
        first, second = self.nodes
        return (first, second) if first.is_leading() else (second, first)

    def stop(self) -> None:
        """End everything."""
        for node in self.nodes:
            if node.process is not None:
                node.pause(signal.SIGCONT)
                node.stop()
        for kamailio in self.kamailios:
            kamailio.stop()


@contextmanager
def running_site(folder: Path, url: str, *, per_second: float = 20) -> Iterator[Site]:
    """A site for the length of a block."""
    with ExitStack() as stack:
        site = Site(folder, url, per_second)
        stack.callback(site.stop)
        site.start()
        yield site


def _orders(node: NodeServer) -> str:
    told = node.get_or_none("/api/reboots?limit=1000") or {"reboots": []}
    return "\n".join(
        f"{it['mac_address']} {it['step']} {it['detail']} {list(it['steps'].items())}"
        for it in told["reboots"]
    )


class Phone:
    """A phone: registered by SIP, fetches its file when it is told to, from any node.

    `notifies` counts NOTIFYs, each once however often it was repeated.
    """

    def __init__(self, mac: str, number: str, secret: str, nodes: list[NodeServer]) -> None:
        self.mac = mac
        self.number = number
        self.secret = secret
        self.notifies = 0
        self.asked = 0
        self.answers: list[str] = []  # the node of each file
        self.body = b""
        self._nodes = nodes
        self._sip = SipPhone(on_notify=self._on_notify)
        self._fetches: set[asyncio.Task[None]] = set()

    async def register(self, port: int) -> None:
        """Register at a Kamailio."""
        answer = await self._sip.register(
            server="127.0.0.1",
            port=port,
            extension=self.number,
            secret=self.secret,
            user_agent=AGENT % self.mac,
        )
        assert answer is not None, self.number
        assert answer.status == 200, answer

    async def fetch(self) -> None:
        """Ask one node after the other until one answers."""
        first = int(self.mac, 16) + len(self.answers)
        for turn in range(200):
            node = self._nodes[(first + turn) % len(self._nodes)]
            self.asked += 1
            try:
                got = await fetch(
                    "127.0.0.1",
                    node.http_port,
                    f"/provision/{self.mac}.cfg",
                    {"User-Agent": AGENT % self.mac},
                    timeout_s=5,
                )
            except FetchError:
                await asyncio.sleep(0.1)
                continue
            assert got.status == 200, (self.mac, got)
            self.answers.append(node.name)
            self.body = got.body
            return
        raise AssertionError(f"{self.mac} got no file")

    def told(self) -> list[str]:
        """The NOTIFYs that came, by what tells one from another."""
        return [
            f"{it.headers.first('call-id')} {it.headers.first('via')}" for it in self._sip.requests
        ]

    async def close(self) -> None:
        """Sign off."""
        await asyncio.gather(*self._fetches)
        await self._sip.close()

    def _on_notify(self, _event: str) -> None:
        self.notifies += 1
        task = asyncio.ensure_future(self.fetch())
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)


async def until(holds: Callable[[], bool], tell: Callable[[], str]) -> None:
    """Wait in a thread, so that phones go on; the deadline is for a hung test only."""
    await asyncio.to_thread(wait_for, holds, 120, tell)
