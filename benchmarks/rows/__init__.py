"""The rows of the benchmark, in groups, by the names of `--only`."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.rows import changes, fetch, fleets, junk, register, storm
from benchmarks.run import Measure

ROWS: Mapping[str, tuple[str, Measure]] = {
    "fetch": ("config files over HTTP", fetch.measure),
    "register": ("registrations with digest", register.measure),
    "storm": ("all phones boot at once", storm.measure),
    "changes": ("changes and who is told", changes.measure),
    "junk": ("unknown phones at full speed", junk.measure),
    "fleets": ("start-up and memory", fleets.measure),
}
