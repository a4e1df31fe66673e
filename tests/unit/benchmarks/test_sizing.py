from typing import Any

import pytest
from benchmarks.sizing import BUSY, STORM_S, costs_of, site_of, sizing_text


def result() -> dict[str, Any]:
    numbers = {
        "fetch.close": {"cpu_us": 50.0},
        "fetch.first": {"cpu_us": 200.0},
        "register": {"cpu_us": 400.0},
        "fetch.journal": {"row_bytes": 250.0},
        "storm": {"fetches": 30_000, "phones": 10_000},
        "fleets.1000": {"devices": 1_000, "memory_mb": 101.0},
        "fleets.100000": {"devices": 100_000, "memory_mb": 200.0},
    }
    return {
        "at": "today",
        "machine": {"cpu": "a core", "python": "3.11.7 (main)"},
        "rows": [{"name": name, "numbers": found} for name, found in numbers.items()],
    }


def test_costs_are_those_of_the_result() -> None:
    costs = costs_of(result())
    assert (costs.files, costs.fetch_us, costs.row_bytes) == (3.0, 50.0, 250.0)
    assert costs.base_mb == pytest.approx(100.0)
    assert costs.device_mb == pytest.approx(0.001)


def test_a_result_without_a_row_names_it() -> None:
    found = result()
    found["rows"] = [row for row in found["rows"] if row["name"] != "storm"]
    with pytest.raises(KeyError, match="storm"):
        costs_of(found)


def test_one_process_serves_ten_thousand() -> None:
    site = site_of(10_000, costs_of(result()))
    assert site.fetches_a_day == 60_000
    assert site.registrations_a_second == pytest.approx(5.56, abs=0.01)
    assert site.storm_core_s == pytest.approx(10.0)
    assert site.nodes == 1
    assert site.memory_mb == pytest.approx(110.0)
    assert site.history_gb == pytest.approx(0.45)


def test_nodes_share_a_storm_and_the_day() -> None:
    site = site_of(1_000_000, costs_of(result()))
    assert site.storm_core_s / site.nodes <= STORM_S
    assert site.busy / site.nodes <= BUSY
    assert site.nodes > 1


def test_many_phones_do_not_hang_on_one_machine() -> None:
    assert site_of(50_000, costs_of(result())).nodes == 2


def test_the_table_has_a_line_for_each_size() -> None:
    lines = sizing_text(result(), (100, 1_000)).splitlines()
    assert lines[-2].startswith("| 100 | one `offhook serve`")
    assert lines[-1].startswith("| 1,000 |")
