"""What to run for so many phones, computed from a result of the benchmark.

Loads are assumed as said in `ASSUMED`; costs, sizes and memory are the result's own. Everything is
for cores like the one it was measured on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PHONES = (100, 1_000, 10_000, 50_000, 100_000, 1_000_000)
LOOKS_A_DAY = 2
REGISTRATIONS_AN_HOUR = 2
STORM_S = 120
BUSY = 0.3
MANY = 20_000
DAYS_KEPT = 30

ASSUMED = (
    f"Assumed: a phone looks for its files {LOOKS_A_DAY} times a day (once by itself, once for a "
    f"change or a restart) and registers {REGISTRATIONS_AN_HOUR} times an hour (at half of 3600 s);"
    f" after a power cut all boot at once and shall work within {STORM_S} s; history is kept for "
    f"{DAYS_KEPT} days; no core is busy above {BUSY:.0%} on an ordinary day. Above "
    f"{MANY:,} phones two nodes at least, so that one may fail."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one phone costs, taken from a result."""

    fetch_us: float
    first_fetch_us: float
    register_us: float
    files: float
    row_bytes: float
    base_mb: float
    device_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What so many phones need."""

    phones: int
    fetches_a_day: float
    registrations_a_second: float
    busy: float
    storm_core_s: float
    nodes: int
    memory_mb: float
    history_gb: float
    history_gb_a_year: float


def costs_of(result: Mapping[str, Any]) -> Costs:
    """Read a result. Raises KeyError naming the row it lacks."""
    rows = {row["name"]: row["numbers"] for row in result["rows"]}
    storm = rows["storm"]
    fleets = sorted(
        (numbers["devices"], numbers["memory_mb"])
        for name, numbers in rows.items()
        if name.startswith("fleets.")
    )
    (least, least_mb), (most, most_mb) = fleets[0], fleets[-1]
    each_mb = (most_mb - least_mb) / (most - least) if most > least else 0.0
    return Costs(
        fetch_us=rows["fetch.close"]["cpu_us"],
        first_fetch_us=rows["fetch.first"]["cpu_us"],
        register_us=rows["register"]["cpu_us"],
        files=storm["fetches"] / storm["phones"],
        row_bytes=rows["fetch.journal"]["row_bytes"],
        base_mb=least_mb - each_mb * least,
        device_mb=each_mb,
    )


def site_of(phones: int, costs: Costs) -> Site:
    """Compute one line."""
    fetches_a_day = phones * costs.files * LOOKS_A_DAY
    registrations_a_second = phones * REGISTRATIONS_AN_HOUR / 3600
    busy = (fetches_a_day / 86_400 * costs.fetch_us) / 1e6
    busy += registrations_a_second * costs.register_us / 1e6
    storm_core_s = phones * (costs.files * costs.first_fetch_us + costs.register_us) / 1e6
    nodes = max(1, math.ceil(storm_core_s / STORM_S), math.ceil(busy / BUSY))
    history_gb_a_day = fetches_a_day * costs.row_bytes / 1e9
    return Site(
        phones=phones,
        fetches_a_day=fetches_a_day,
        registrations_a_second=registrations_a_second,
        busy=busy,
        storm_core_s=storm_core_s,
        nodes=max(nodes, 2) if phones > MANY else nodes,
        memory_mb=costs.base_mb + phones * costs.device_mb,
        history_gb=history_gb_a_day * DAYS_KEPT,
        history_gb_a_year=history_gb_a_day * 365,
    )


def advice(site: Site) -> str:
    """What to run."""
    if site.nodes == 1:
        return "one `offhook serve`, SQLite"
    return f"{site.nodes} nodes on one PostgreSQL, a Kamailio at each"


def sizing_text(result: Mapping[str, Any], phones: Sequence[int] = PHONES) -> str:
    """The table with what it rests on."""
    costs = costs_of(result)
    machine = result["machine"]
    lines = [
        f"Computed from the benchmark of {result['at']} ({machine['cpu']}, Python "
        f"{machine['python'].split(' ')[0]}): a fetch {costs.fetch_us:.0f} us of a core, the first "
        f"after a start {costs.first_fetch_us:.0f} us, a registration {costs.register_us:.0f} us, "
        f"{costs.files:.1f} requests for files a boot, {costs.row_bytes:.0f} bytes of history a "
        f"request. {ASSUMED}",
        "",
        "| Phones | What to run | Fetches a day | Registrations a second | Busy on an ordinary day "
        "| After a power cut | Memory of a node | History kept | Written a year |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for site in (site_of(count, costs) for count in phones):
        storm_s = site.storm_core_s / site.nodes
        lines.append(
            f"| {site.phones:,} | {advice(site)} | {site.fetches_a_day:,.0f} "
            f"| {site.registrations_a_second:,.1f} | {site.busy / site.nodes:.1%} of a core "
            f"| {storm_s:,.1f} s | {site.memory_mb:,.0f} MB | {site.history_gb:.2f} GB "
            f"| {site.history_gb_a_year:.2f} GB |"
        )
    return "\n".join(lines)
