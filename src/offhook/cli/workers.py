"""Several processes on one port: each is a node, and this one starts, replaces and stops them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from offhook.cli.screen import Screen
from offhook.diagnosis.facts import ConfigProblem
from offhook.nodes import node_name
from offhook.settings import Settings
from offhook.settings_reading import SettingsError
from offhook.tasks import spawn

CANNOT_START = 2
"""The exit code of a worker that no new start would help."""

STOP_S = 30.0
WAITS_S = (0.5, 1, 2, 5, 15, 30)
"""Before the next start of a worker that ended by itself; longer when it ends again soon."""

STEADY_S = 60.0
"""A worker that lived so long is started anew at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of the workers this process is, and the sockets that it got to listen on."""

    number: int
    sockets: tuple[socket.socket, ...]

    @property
    def is_first(self) -> bool:
        """True for the one that tells people where to look."""
        return self.number == 1


def check_workers(settings: Settings) -> None:
    """Refuse workers where only one process can be. Raises SettingsError."""
    problems = [
        ConfigProblem(code="P105", key=key, message=message)
        for key, is_right, message in (
            (
                "store.url",
                settings.store.url.startswith("postgresql"),
                "several workers need a database that several processes write: PostgreSQL; "
                "otherwise set server.workers to 1",
            ),
            (
                "sip.engine",
                settings.sip.engine == "kamailio",
                "several workers need kamailio: the embedded engine is one process; "
                "otherwise set server.workers to 1",
            ),
        )
        if not is_right
    ]
    if problems:
        raise SettingsError(tuple(problems))


def take_place(number: int, handles: Sequence[int]) -> Place:
    """Take up the sockets that the process which started us bound."""
    return Place(number=number, sockets=tuple(socket.socket(fileno=item) for item in handles))


@dataclass(slots=True, kw_only=True)
class Workers:
    """The processes, by number from 1. `sockets` has those of each: what one leaves unanswered when
    it is killed waits in its socket for the one that takes its place."""

    settings: Settings
    config: Path | None
    screen: Screen
    sockets: Sequence[Sequence[socket.socket]]
    _running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _exit_code: int = 0

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until a worker cannot start; gives the exit code."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopped.set)
        keeping = [
            spawn(self._keep(number), f"keep worker {number}")
            for number in range(1, len(self.sockets) + 1)
        ]
        await self._stopped.wait()
        for process in self._running.values():
            if process.returncode is None:
                process.terminate()
        _, late = await asyncio.wait(keeping, timeout=STOP_S)
        for process in self._running.values():
            if late and process.returncode is None:
                process.kill()
        await asyncio.gather(*keeping)
        return self._exit_code

    async def _keep(self, number: int) -> None:
        """Start one worker, and again when it ends."""
        ended = 0
        while not self._stopped.is_set():
            began_s = time.monotonic()
            process = await self._start(number)
            code = await process.wait()
            if self._stopped.is_set():
                return
            if code == CANNOT_START:
                self._exit_code = code
                self._stopped.set()
                return
            ended = 0 if time.monotonic() - began_s > STEADY_S else ended + 1
            wait_s = WAITS_S[min(ended, len(WAITS_S)) - 1] if ended else 0
            self.screen.error(
                f"worker {number} (process {process.pid}) ended with {_told(code)}; "
                f"another takes its place in {wait_s:g} s"
            )
            await self._pause(wait_s)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return

    async def _start(self, number: int) -> asyncio.subprocess.Process:
        handles = [item.fileno() for item in self.sockets[number - 1]]
        listening = [part for item in handles for part in ("--listen-fd", str(item))]
        chosen = ["--config", str(self.config)] if self.config else []
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "offhook", "serve", *chosen),
            *("--worker", str(number), *listening),
            # It ends by itself when this pipe does: no worker is left behind by `kill -9`.
            stdin=asyncio.subprocess.PIPE,
            pass_fds=handles,
            env={**os.environ, **self._environment(number)},
            process_group=0,  # Ctrl-C on the terminal reaches this process, which stops them
        )
        self._running[number] = process
        if self._stopped.is_set():
            process.terminate()
        return process

    def _environment(self, number: int) -> dict[str, str]:
        port = self.sockets[0][0].getsockname()[1]
        return {
            "OFFHOOK_SERVER__NODE_NAME": f"{node_name(self.settings, port)}/{number}",
            "OFFHOOK_LOGGING__FILE": str(log_file(self.settings.logging.file, number)),
        }


def log_file(file: Path, number: int) -> Path:
    """The log of a worker: two processes that rotate one file would lose lines of each other's."""
    return file if number == 1 else file.with_name(f"{file.stem}-{number}{file.suffix}")


def run_workers(
    settings: Settings,
    config: Path | None,
    screen: Screen,
    sockets: Sequence[Sequence[socket.socket]],
) -> int:
    """Run them until told to stop; gives the exit code. Closes the sockets."""
    with ExitStack() as stack:
        for item in (each for own in sockets for each in own):
            stack.enter_context(item)
        workers = Workers(settings=settings, config=config, screen=screen, sockets=sockets)
        return asyncio.run(workers.run())


def watch_parent(stopped: asyncio.Event) -> None:
    """Stop with the process that started us: its end of our standard input closes then."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(sys.stdin.fileno(), 64):
            loop.remove_reader(sys.stdin.fileno())
            stopped.set()

    loop.add_reader(sys.stdin.fileno(), look)


def _told(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
