"""The load of HTTP: `load.c`, compiled at need, and the requests it sends.

A file of requests is written once; each has its own bytes and the answer that is right for it, so
the generator checks every answer for status, length and content while it measures.
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.needs import MissingError, needed
from benchmarks.processes import LOAD_CORE

SOURCE = Path(__file__).with_name("load.c")
ANY = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request and what answers it: a status (0 is any) and a body (None is any)."""

    head: bytes
    status: int = 200
    body: bytes | None = None

    def packed(self) -> bytes:
        """Give the record of `load.c`."""
        size = ANY if self.body is None else len(self.body)
        total = 0 if self.body is None else zlib.adler32(self.body)
        return struct.pack("<4I", len(self.head), self.status, size, total) + self.head


def write_requests(file: Path, asked: Iterable[Asked]) -> Path:
    """Write requests for the generator."""
    with file.open("wb") as out:
        out.writelines(one.packed() for one in asked)
    return file


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the generator saw; `wrong` answers were not what was wanted, `broken` ended without."""

    answers: int
    wrong: int
    broken: int
    handshakes: int
    seconds: float
    bytes: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    status: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds if self.seconds else 0.0

    @property
    def lost(self) -> int:
        """What was not answered, or not right."""
        return self.wrong + self.broken


@dataclass(frozen=True, slots=True)
class Generator:
    """The compiled program."""

    program: Path
    has_tls: bool

    def begin(
        self,
        port: int,
        requests: Path,
        *,
        width: int = 64,
        seconds: float = 0,
        count: int = 0,
        rate: float = 0,
        is_in_order: bool = False,
        is_kept: bool = False,
        is_one_address: bool = False,
        is_tls: bool = False,
    ) -> Running:
        """Start a load: for some seconds, or so many requests, or every request once.

        Each phone has an address of its own; kept connections, which several share, have one.
        """
        options = ["-c", str(width), "-s", str(random.randrange(1, 1 << 30))]
        options += ["-d", f"{seconds:g}"] if seconds else []
        options += ["-n", str(count)] if count else []
        options += ["-r", f"{rate:g}"] if rate else []
        options += ["-a", "1"] if is_kept or is_one_address else []
        flags = {"-o": is_in_order, "-k": is_kept, "-t": is_tls}
        options += [flag for flag, is_set in flags.items() if is_set]
        pinned = ["taskset", "-c", str(LOAD_CORE), str(self.program), *options]
        return Running(
            subprocess.Popen([*pinned, str(port), str(requests)], stdout=subprocess.PIPE, text=True)
        )

    def run(self, port: int, requests: Path, **how: float | bool) -> Loaded:
        """Load and wait."""
        return self.begin(port, requests, **how).wait()  # type: ignore[arg-type] # as `begin`


@dataclass(slots=True)
class Running:
    """A load that runs."""

    process: subprocess.Popen[str]

    def stop(self) -> Loaded:
        """Let it begin no more, and give what it saw."""
        self.process.terminate()
        return self.wait()

    def wait(self, timeout_s: float = 180) -> Loaded:
        """Wait for its end."""
        try:
            text, _ = self.process.communicate(timeout=timeout_s)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        if self.process.returncode:
            raise RuntimeError(f"the generator ended with {self.process.returncode}")
        return Loaded(**json.loads(text))


def compile_generator(folder: Path) -> Generator:
    """Compile it into a folder; without OpenSSL's headers it has no TLS. Raises MissingError."""
    compiler = needed("cc", "gcc libc6-dev")
    needed("taskset", "util-linux")
    program = folder / "load"
    basic = [compiler, "-O2", "-o", str(program), str(SOURCE)]
    for extra in (["-DWITH_TLS", "-lssl", "-lcrypto"], []):
        done = subprocess.run([*basic, *extra], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return Generator(program, has_tls=bool(extra))
    raise MissingError("a working C compiler with headers", "gcc libc6-dev", done.stderr[-500:])
