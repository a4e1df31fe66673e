"""SIPp as a load of phones: started with a scenario of `benchmarks/sipp`, its counts read."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCENARIOS = Path(__file__).parent / "sipp"
NETWORK = 64
"""Phones come from that many addresses of loopback, so that no limit per source is met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What SIPp says at its end."""

    good: int
    failed: int
    retransmitted: int
    unexpected: int
    seconds: float
    pace: float

    @property
    def is_clean(self) -> bool:
        """True when nothing failed and nothing had to be sent twice."""
        return not (self.failed or self.retransmitted or self.unexpected)


def secret_of(number: str) -> str:
    """The secret every benchmark gives an extension."""
    return f"secret{number}"


def host_of(index: int) -> str:
    """The address of a phone."""
    return f"127.0.1.{1 + index % NETWORK}"


def write_phones(file: Path, numbers: Sequence[str], order: str = "SEQUENTIAL") -> Path:
    """Write the injection file: extension, credentials, address."""
    rows = (
        f"{number};[authentication username={number} password={secret_of(number)}];{host_of(index)}"
        for index, number in enumerate(numbers)
    )
    file.write_text("\n".join((order, *rows)) + "\n")
    return file


class Sipp:
    """A running SIPp, pinned to a core; `folder` keeps its statistics and what went wrong."""

    def __init__(self, folder: Path, name: str, core: int, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._statistics = folder / f"{name}.csv"
        self._statistics.unlink(missing_ok=True)
        self._output = (folder / f"{name}.txt").open("w")
        self.process = subprocess.Popen(
            [
                *("taskset", "-c", str(core), "sipp", *arguments),
                *("-nostdin", "-trace_stat", "-stf", str(self._statistics), "-fd", "1s"),
                *("-trace_err", "-error_file", str(folder / f"{name}.err")),
                *("-buff_size", str(4 * 2**20), "-max_socket", "1000"),
            ],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "TERM": "dumb"},
        )

    def wait(self, timeout_s: float) -> Counts:
        """Wait for its end and give its counts."""
        try:
            self.process.wait(timeout_s)
        finally:
            self.stop()
        return self.counts()

    def stop(self) -> None:
        """End it; idempotent."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self._output.close()

    def counts(self) -> Counts:
        """Give the counts it wrote last."""
        with self._statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        begun, ended = (float(last[name].split()[-1]) for name in ("StartTime", "CurrentTime"))
        return Counts(
            good=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            retransmitted=int(last["Retransmissions(C)"]),
            unexpected=int(last["FailedUnexpectedMessage(C)"]),
            seconds=ended - begun,
            pace=float(last["CallRate(C)"]),
        )
