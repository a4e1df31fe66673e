"""Percentiles, tallies and the report that programs read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.simulator.record import Record
from offhook.simulator.report import NAMED, Failure, MakerRow, Report, spread_of


def test_percentiles_are_values_that_were_measured():
    spread = spread_of([float(value) for value in range(1, 101)])
    assert (spread.count, spread.p50, spread.p90, spread.p99, spread.max) == (100, 50, 90, 99, 100)


def test_of_one_value_all_percentiles_are_it():
    spread = spread_of([0.25])
    assert (spread.p50, spread.p90, spread.p99, spread.max) == (0.25, 0.25, 0.25, 0.25)


def test_of_nothing_all_are_zero():
    assert spread_of([]) == spread_of(iter(()))
    assert spread_of([]).count == 0


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_rise_and_hold_their_share(values):
    spread = spread_of(values)
    assert spread.p50 <= spread.p90 <= spread.p99 <= spread.max == max(values)
    for part, bound in ((0.5, spread.p50), (0.9, spread.p90), (0.99, spread.p99)):
        assert sum(value <= bound for value in values) >= part * len(values)


def test_failures_are_counted_by_kind_and_name_the_first_phones():
    record = Record()
    for index in range(NAMED + 5):
        record.fail("fetch: HTTP 503", f"phone {index}", "a.cfg")
    record.fail("register: 403 Forbidden", "phone 1")
    first, second = record.failures()
    assert (first.kind, first.count, first.example) == ("fetch: HTTP 503", NAMED + 5, "a.cfg")
    assert first.phones == tuple(f"phone {index}" for index in range(NAMED))
    assert (second.kind, second.count, second.phones) == (
        "register: 403 Forbidden",
        1,
        ("phone 1",),
    )
    assert record.failed == NAMED + 6


def test_what_was_tried_again_is_no_failure():
    record = Record()
    record.retry("fetch: no answer in 10 seconds", "phone 1")
    record.retry("fetch: no answer in 10 seconds", "phone 1")
    assert record.failures() == ()
    assert [(item.count, item.phones) for item in record.retried()] == [(2, ("phone 1",))]


def test_rates_are_a_mean_and_the_best_second():
    record = Record()
    for moment in (10.1, 10.9, 12.0):
        record.happened("fetch", moment)
    assert record.rates() == {"fetch": 1.0, "fetch_peak": 2.0}
    assert record.counts["fetch"] == 3


@pytest.mark.parametrize(("failures", "is_clean"), [((), True), (("x",), False)])
def test_a_report_is_json_and_says_whether_it_is_clean(failures, is_clean):
    report = Report(
        scenario="boot-storm",
        url="http://127.0.0.1:8080/provision/",
        phones=1,
        seconds=1.23456789,
        is_whole=True,
        figures={"right": 1},
        counts={"fetch": 4},
        rates={"fetch": 2.0},
        times_s={"boot": spread_of([0.1234567])},
        makers=[MakerRow(maker="A", phones=1, right=1, boots=1, boot_s=spread_of([0.1]))],
        failures=[Failure(kind=kind, count=1, phones=("p",), example="") for kind in failures],
        retried=[],
    )
    data = json.loads(json.dumps(report.to_json()))
    assert data["is_clean"] is is_clean
    assert data["seconds"] == 1.234568
    assert data["times_s"]["boot"]["p99"] == 0.123457
    assert data["makers"][0]["boot_s"]["count"] == 1
