"""One run of the benchmark: sizes, tools shared by all rows, and the rows by name."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.generator import Generator, compile_generator
from benchmarks.house import House, Stock
from benchmarks.machine import Guard, describe
from benchmarks.needs import MissingError
from benchmarks.processes import LOAD_CORE, pinned
from benchmarks.report import Row, missing
from benchmarks.rounds import tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    name: str
    devices: int
    rounds: int
    seconds: float
    fleets: tuple[int, ...]
    registered: int
    bulk: int


FULL = Size(
    name="full",
    devices=10_000,
    rounds=5,
    seconds=1.2,
    fleets=(1_000, 10_000, 100_000),
    registered=5_000,
    bulk=1_000,
)
QUICK = Size(
    name="quick",
    devices=2_000,
    rounds=2,
    seconds=0.6,
    fleets=(1_000, 5_000),
    registered=500,
    bulk=1_000,
)
TINY = replace(
    QUICK, name="tiny", devices=50, rounds=1, seconds=0.2, fleets=(50,), registered=20, bulk=20
)
SIZES = {size.name: size for size in (FULL, QUICK, TINY)}


@dataclass(slots=True)
class Run:
    """What the rows share; `numbers` are figures a later row may need of an earlier one."""

    folder: Path
    size: Size
    python: str
    guard: Guard = field(default_factory=Guard)
    numbers: dict[str, float] = field(default_factory=dict)
    _generator: Generator | None = None

    @property
    def stock(self) -> Stock:
        """Filled databases."""
        return Stock(self.folder)

    @property
    def generator(self) -> Generator:
        """The load, compiled once. Raises MissingError."""
        if self._generator is None:
            self._generator = compile_generator(self.folder)
        return self._generator

    @contextmanager
    def place(self, name: str) -> Iterator[Path]:
        """A folder of its own, which other users may read, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self.folder) as made:
            Path(made).chmod(0o755)
            yield Path(made)

    def house(self, folder: Path, devices: int, **settings: Any) -> House:
        """A server, not started, with so many devices."""
        self.stock.copy(devices, folder)
        return House(folder, python=self.python, **settings)


Measure = Callable[[Run], Sequence[Row]]


def run_rows(rows: Mapping[str, tuple[str, Measure]], size: Size, python: str) -> dict[str, Any]:
    """Measure the rows and give the result as it is written."""
    begun = time.monotonic()
    machine = describe(python)
    found: list[Row] = []
    took: dict[str, float] = {}
    # What is ours stays off the servers' core.
    with pinned(LOAD_CORE), tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        Path(name).chmod(0o755)
        run = Run(Path(name), size, python)
        for group, (what, measure) in rows.items():
            tell(f"{group}: {what}")
            since = time.monotonic()
            found += _measured(group, what, measure, run)
            took[group] = round(time.monotonic() - since, 1)
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "size": size.name,
        "seconds": round(time.monotonic() - begun, 1),
        "took": took,
        "machine": machine,
        "guard": run.guard.told(),
        "rows": [row.told() for row in found],
    }


def _measured(group: str, what: str, measure: Measure, run: Run) -> Sequence[Row]:
    """Measure a group; what it lacks, or how it failed, stands in its row."""
    try:
        found = measure(run)
    except MissingError as error:
        found = [missing(group, what, error)]
    except Exception as error:  # the other rows are measured all the same
        traceback.print_exc()
        found = [replace(missing(group, what, f"{type(error).__name__}: {error}"), is_right=False)]
    for row in found:
        tell(f"  {row.name}: {row.ours} | {row.limit} | {row.ratio}")
        run.numbers |= {f"{row.name}.{key}": value for key, value in row.numbers.items()}
    return found
