"""Netstrings and the JSON in them: whatever pieces they come in, whatever stands in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.engines.kamailio_events import MAX_FRAME, FrameReader, parse_event, write_frame


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 40), max_size=12))
@settings(max_examples=200)
def test_frames_come_out_as_they_went_in(frames: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(write_frame, frames))
    reader = FrameReader()
    found: list[bytes] = []
    for cut in cuts:
        found += reader.feed(data[:cut])
        data = data[cut:]
    assert found + reader.feed(data) == frames


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_any_bytes_give_frames_or_a_value_error(data: bytes) -> None:
    try:
        frames = FrameReader().feed(data)
    except ValueError:
        return
    assert data.startswith(b"".join(map(write_frame, frames)) or b"") or b"0" in data


@pytest.mark.parametrize(
    "data",
    [b"x", b"-1:", b"5x:", b":", b"123456", b"99999:", b"3:abcd", b" 3:abc,", b"3 :abc,"],
)
def test_what_is_no_netstring_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="netstring"):
        FrameReader().feed(data)


def test_the_largest_frame_is_taken() -> None:
    data = b"x" * MAX_FRAME
    assert FrameReader().feed(write_frame(data)) == [data]


@given(st.binary(max_size=60))
def test_any_frame_gives_an_object_or_nothing(frame: bytes) -> None:
    found = parse_event(frame)
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize("frame", [b"", b"[]", b"1", b"[" * 60_000, b'{"a"', b"nul"])
def test_what_is_no_object_is_nothing(frame: bytes) -> None:
    assert parse_event(frame) is None


def test_bytes_that_are_no_utf_8_and_control_characters_are_read() -> None:
    assert parse_event(b'{"a":"\xff\x01"}') == {"a": "\ufffd\x01"}
    assert parse_event(json.dumps({"event": "pong"}).encode()) == {"event": "pong"}
