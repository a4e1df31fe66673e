"""Lines that prove a finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from offhook.diagnosis.evidence import host_of, shown, sighting_line, stamp
from offhook.diagnosis.examples import SEEN


def test_moments_are_printed_in_utc() -> None:
    summer = datetime(2026, 7, 1, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert stamp(summer) == "2026-07-01T10:00:00Z"


@given(st.text())
def test_text_from_outside_is_always_one_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(text) == text or not text.isprintable() or len(text) > 200


def test_long_text_is_cut() -> None:
    assert shown("x" * 300, 10) == "xxxxxxxxxx..."


def test_direction_marks_are_made_visible() -> None:
    assert shown("a\u202eb") == "a\\u202eb"


def test_host_of_a_sip_source() -> None:
    assert host_of("udp:192.0.2.5:5060") == "192.0.2.5"
    assert host_of("tcp:[2001:db8::1]:5060") == "2001:db8::1"


def test_device_that_was_never_heard_of_says_so() -> None:
    assert sighting_line(replace(SEEN, last_contact=None)).startswith("last request never")
