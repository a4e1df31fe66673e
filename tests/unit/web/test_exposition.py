"""Prometheus' text format, byte for byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offhook.actions.measures import Histogram
from offhook.web.exposition import Exposition


def test_a_counter_has_help_type_and_value() -> None:
    page = Exposition()
    page.counter("a_total", "Things.", 3)
    assert page.text() == "# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n"


def test_labels_are_escaped_and_in_a_fixed_order() -> None:
    page = Exposition()
    page.counters("a_total", "Things.", ("x", "y"), {("b", ""): 2, ('q"\\\n', "z"): 1})
    assert page.text().splitlines()[2:] == [
        'a_total{x="b",y=""} 2',
        'a_total{x="q\\"\\\\\\n",y="z"} 1',
    ]


def test_a_family_without_samples_is_still_named() -> None:
    page = Exposition()
    page.gauges("level", "Of things.", ("x",), {})
    assert page.text() == "# HELP level Of things.\n# TYPE level gauge\n"


def test_a_value_on_a_bound_counts_below_it() -> None:
    measured = Histogram((0.5, 1.0))
    for value in (0.5, 0.75, 7):
        measured.observe(value)
    page = Exposition()
    page.histogram("h", "Seconds.", measured)
    assert page.text().splitlines()[2:] == [
        'h_bucket{le="0.5"} 1',
        'h_bucket{le="1"} 2',
        'h_bucket{le="+Inf"} 3',
        "h_sum 8.25",
        "h_count 3",
    ]


@given(st.lists(st.integers(0, 10_000).map(float)))
def test_buckets_count_what_is_at_most_their_bound(values: list[float]) -> None:
    bounds = (0.0, 1.0, 10.0, 5000.0)
    measured = Histogram(bounds)
    for value in values:
        measured.observe(value)
    page = Exposition()
    page.histogram("h", "Things.", measured)
    shown = [int(line.rpartition(" ")[2]) for line in page.text().splitlines() if "_bucket" in line]
    assert shown == [sum(v <= bound for v in values) for bound in bounds] + [len(values)]
