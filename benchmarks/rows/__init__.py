"""The rows of the benchmark, in groups, by the names of `--only`."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.rows import api, changes, fetch, fleets, junk, register, storm, tls
from benchmarks.run import Measure

ROWS: Mapping[str, tuple[str, Measure]] = {
    "fetch": ("config files over HTTP", fetch.measure),
    "tls": ("config files over HTTPS", tls.measure),
    "register": ("registrations with digest", register.measure),
    "storm": ("all phones boot at once", storm.measure),
    "changes": ("changes and who is told", changes.measure),
    "api": ("devices registered through the API", api.measure),
    "junk": ("unknown phones at full speed", junk.measure),
    "fleets": ("start-up and memory", fleets.measure),
}
