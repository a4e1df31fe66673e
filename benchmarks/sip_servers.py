"""What the SIP benchmarks measure, on a core each: `offhook serve`, the engine alone, Kamailio."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tests.e2e.server import OFFHOOK, Server, wait_for
from tests.integration.kamailio import free_ports

from benchmarks.processes import CORE, pinned
from benchmarks.sip_engine import numbers
from benchmarks.sipp import secret_of
from offhook.actions.ports import PutExtension
from offhook.core.model import Extension
from offhook.core.secret import Secret
from offhook.engines.kamailio_config import database_url
from offhook.engines.kamailio_credentials import KamailioCredentials
from offhook.store.open import open_store


class SipServer(Protocol):
    """Something that phones register with."""

    name: str
    port: int
    pid: int

    def start(self) -> None:
        """Start on `CORE`, with all users."""

    def stop(self) -> None:
        """End it."""


class ServeServer:
    """The whole product."""

    name = "offhook serve"

    def __init__(self, folder: Path, users: int, python: str = sys.executable) -> None:
        self._folder, self._users = folder, users
        self._server = Server(folder)
        self._server.command = (python, str(OFFHOOK))
        self.port = self.pid = 0

    def start(self) -> None:
        """Fill the store, start."""
        asyncio.run(self._fill())
        with pinned(CORE):
            self._server.start()
        assert self._server.process is not None
        self.port, self.pid = self._server.sip_port, self._server.process.pid

    def stop(self) -> None:
        """End it in order."""
        self._server.stop()

    def counters(self) -> dict[str, int]:
        """What the engine counted; `failed` are packets that met a failure of ours."""
        counted: dict[str, int] = self._server.api("GET", "/api/status")["sip"]["counters"]
        return {"failed": 0, **counted}

    def registered(self) -> int:
        """How many extensions are registered."""
        held = 0
        for offset in range(0, self._users, 1000):
            page = self._server.api("GET", f"/api/extensions?limit=1000&offset={offset}")
            held += sum(item["registered"] for item in page["extensions"])
        return held

    async def _fill(self) -> None:
        at = datetime.now(UTC)
        store = await open_store(
            f"sqlite:///{self._folder}/data/offhook.db",
            key_file=self._folder / "data/secret.key",
            keep_days=30,
            keep_rows=500_000,
            now=lambda: at,
        )
        writes = [
            PutExtension(
                extension=Extension(
                    number=number,
                    name=f"User {number}",
                    secret=Secret(secret_of(number)),
                    created_at=at,
                )
            )
            for number in numbers(self._users)
        ]
        await store.inventory.commit(writes, [])
        await store.close()


class EngineServer:
    """The embedded engine alone."""

    name = "embedded engine"

    def __init__(self, folder: Path, users: int, python: str = sys.executable) -> None:
        self._folder, self._users, self._python = folder, users, python
        self._process: subprocess.Popen[str] | None = None
        self.port = self.pid = 0

    def start(self) -> None:
        """Start, and read its port."""
        with pinned(CORE):
            self._process = subprocess.Popen(
                [self._python, "-m", "benchmarks.sip_engine", self._folder, str(self._users)],
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().split()[1])
        self.pid = self._process.pid

    def stop(self) -> None:
        """End it in order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


KAMAILIO_CONFIG = """\
server: {{external_ip: 127.0.0.1, bind: 127.0.0.1, sip_port: {sip}}}
provisioning:
  enabled: true
  url_format: http://{{{{SERVER_IP}}}}:{{{{PORT}}}}/provision/{{mac}}.cfg
store: {{url: "sqlite:///data/offhook.db"}}
sip:
  engine: kamailio
  kamailio:
    database: sqlite:///data/kamailio
    nodes:
      - {{rpc: "127.0.0.1:{rpc}", events: "127.0.0.1:{events}"}}
"""


class KamailioServer:
    """Kamailio as `offhook engine kamailio-config` sets it up: SQLite, locations written back."""

    name = "kamailio"

    def __init__(self, folder: Path, users: int, python: str = sys.executable) -> None:
        self._folder, self._users = folder, users
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._rpc, self._events = free_ports(3)
        self.pid = 0

    def start(self) -> None:
        """Make its configuration and database, start it, wait until it answers."""
        settings, config = self._folder / "config.yml", self._folder / "kamailio.cfg"
        settings.write_text(
            KAMAILIO_CONFIG.format(sip=self.port, rpc=self._rpc, events=self._events)
        )
        made = [str(OFFHOOK), "engine", "kamailio-config", "--config", str(settings)]
        subprocess.run([*made, "--output", str(config)], check=True, stdout=subprocess.DEVNULL)
        asyncio.run(self._fill())
        log = (self._folder / "kamailio.log").open("wb")
        with pinned(CORE):
            self._process = subprocess.Popen(
                [
                    *("kamailio", "-f", str(config), "-DD", "-E", "-m", "256", "-M", "16"),
                    *("-w", str(self._folder), "-Y", str(self._folder)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        log.close()
        self.pid = self._process.pid
        wait_for(self._answers, 20, lambda: (self._folder / "kamailio.log").read_text())

    def stop(self) -> None:
        """End it; it writes its locations first."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def _answers(self) -> bool:
        asked = ["sipp", f"127.0.0.1:{self.port}", "-sf", str(OPTIONS), "-m", "1", "-nostdin"]
        return not subprocess.run(
            [*asked, "-timeout", "1s", "-timeout_error"], check=False, capture_output=True
        ).returncode

    async def _fill(self) -> None:
        credentials = KamailioCredentials(
            database_url(f"sqlite:///{self._folder}/data/kamailio"),
            realm="offhook",
            secrets=lambda: {number: Secret(secret_of(number)) for number in numbers(self._users)},
        )
        await credentials.start()
        credentials.mark_all()
        await credentials.wait_settled()
        await credentials.stop()


def lend_packages() -> None:
    """Let another interpreter of our version find this project and what it is installed with."""
    root = Path(__file__).parents[1]
    places = (root / "src", root, sysconfig.get_path("platlib"))
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, places))


OPTIONS = Path(__file__).parent / "sipp" / "options.xml"
_SERVERS: dict[str, type[EngineServer] | type[KamailioServer] | type[ServeServer]] = {
    "engine": EngineServer,
    "kamailio": KamailioServer,
    "serve": ServeServer,
}


def make_server(kind: str, folder: Path, users: int, python: str) -> SipServer:
    """Make one by its word on the command line."""
    return _SERVERS[kind](folder, users, python)
