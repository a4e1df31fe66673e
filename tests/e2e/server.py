"""The whole product as a child process, started as the README says, on free ports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OFFHOOK = Path(sys.executable).with_name("offhook")

CONFIG = """\
server:
  external_ip: 127.0.0.1
  bind: 127.0.0.1
  http_port: %(http_port)d
  sip_port: %(sip_port)d
provisioning:
  enabled: true
  url_format: http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg
  unknown_per_minute: %(unknown_per_minute)d
reboot:
  answer_timeout_s: %(answer_timeout_s)g
  fetch_timeout_s: %(fetch_timeout_s)g
store:
  url: %(store_url)s
logging:
  file: logs/pbx.log
"""
DEFAULTS = {
    "http_port": 0,
    "sip_port": 0,
    "unknown_per_minute": 120,
    "answer_timeout_s": 8,
    "fetch_timeout_s": 300,
    "store_url": "sqlite:///data/offhook.db",
}


class Server:
    """A running `offhook serve` in a folder of its own."""

    def __init__(self, folder: Path, **settings: float | str) -> None:
        self.folder = folder
        self.config = folder / "config.yml"
        self.config.write_text(CONFIG % {**DEFAULTS, **settings}, encoding="utf-8")
        self.command: tuple[str, ...] = (str(OFFHOOK),)
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.http_port = 0
        self.sip_port = 0

    def start(self) -> None:
        """Start, and return when the API answers."""
        self.launch()
        self.http_port = int(self.wait_port(60))
        self.url = f"http://127.0.0.1:{self.http_port}"
        status = wait_for(lambda: self.get_or_none("/api/status"), 60, self.output)
        listening = status["sip"]["listening"]
        self.sip_port = int(listening[0].rpartition(":")[2])

    def launch(self) -> None:
        """Begin to start."""
        environ = {key: value for key, value in os.environ.items() if "OFFHOOK" not in key}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the second start is the usual one
        output = (self.folder / "output.txt").open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [*self.command, "serve", "--config", str(self.config)],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environ, "PYTHONUNBUFFERED": "1"},
        )
        output.close()

    def wait_port(self, seconds: float) -> str:
        """Give the HTTP port as soon as it is told."""
        return str(wait_for(self._printed_port, seconds, self.output))

    def output(self) -> str:
        """What it printed."""
        return (self.folder / "output.txt").read_text(encoding="utf-8")

    def _printed_port(self) -> str | None:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"offhook ended:\n{self.output()}")
        found = re.search(r"http://[^\s/:]+:(\d+)", self.output())
        return found[1] if found else None

    def stop(self) -> int:
        """Stop in order; gives the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self.process = None
        return status

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)
        self.process = None

    # Talking to it ---------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Call, and give status and text."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path,
            data=data,
            method=method,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the API and give its JSON; any status below 400."""
        status, text = self.call(method, path, body)
        assert status < 400, f"{method} {path}: {status} {text}"
        return json.loads(text)

    def get_or_none(self, path: str) -> Any:
        """GET that tells None while nobody listens."""
        try:
            return self.api("GET", path)
        except (urllib.error.URLError, ConnectionError):
            return None

    def fetch(self, file: str, agent: str, **headers: str) -> tuple[int, str]:
        """Ask for a file as a phone would."""
        return self.call("GET", f"/provision/{file}", headers={"User-Agent": agent, **headers})

    def log(self) -> str:
        """The log as written so far."""
        file = self.folder / "logs" / "pbx.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def add(self, number: str, name: str) -> None:
        """Add an extension."""
        self.api("POST", "/api/extensions", {"number": number, "name": name})

    def add_device(self, mac: str, number: str, vendor: str, model: str) -> Any:
        """Register a device."""
        body = {"mac_address": mac, "extension_number": number, "vendor": vendor, "model": model}
        return self.api("POST", "/api/provisioning/devices", body)

    def secret(self, number: str) -> str:
        """The SIP secret of an extension."""
        return str(self.api("GET", f"/api/extensions/{number}/secret")["secret"])

    def reboot_step(self, reboot_id: str) -> str:
        """How far a reboot is."""
        return str(self.api("GET", f"/api/reboots/{reboot_id}")["step"])


def wait_for(probe: Callable[[], Any], seconds: float, tell: Callable[[], str] = str) -> Any:
    """Ask until the answer is true; the deadline is for a hung test only."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} seconds in vain\n{tell()}")


@contextmanager
def running(folder: Path, **settings: float | str) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.stop()
