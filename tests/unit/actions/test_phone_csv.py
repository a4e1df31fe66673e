"""Tables of phones: any text is read or refused, and what is written reads back the same."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from offhook.actions.phone_csv import decode, parse_table, render_table
from offhook.core.mac import Mac
from offhook.core.model import Device, Extension, Line
from offhook.core.secret import Secret
from offhook.errors import BadRequestError

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TEXTS = st.text(alphabet="mac,;\t\"'\n\r=+@-0123456789abcdefx é\x00", max_size=200)
NAMES = st.text(alphabet="ab,;\"' =+-@é", min_size=1, max_size=12).map(lambda text: f"x{text}x")
LABELS = st.sampled_from(("", "=1+1", "+41", "-x", "@home", "a,b", 'a"b', "a;b", "'q"))


@given(TEXTS)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadRequestError):
        assert parse_table(text).rows


@given(st.binary(max_size=100))
def test_any_bytes_are_text(data: bytes) -> None:
    assert isinstance(decode(data), str)


@given(st.lists(st.tuples(st.lists(st.tuples(NAMES, LABELS), min_size=1, max_size=3)), min_size=1))
def test_what_is_written_reads_back(phones: list[tuple[list[tuple[str, str]]]]) -> None:
    devices, extensions = [], {}
    for place, (lines,) in enumerate(phones, start=1):
        numbers = [f"{place}{index}" for index in range(len(lines))]
        for number, (name, _) in zip(numbers, lines, strict=True):
            secret = Secret("x" * 8)
            extensions[number] = Extension(number=number, name=name, secret=secret, created_at=NOW)
        devices.append(_device(place, numbers, [label for _, label in lines]))
    read = parse_table("".join(render_table(devices, extensions, 3))).rows
    assert [it.mac_address for it in read] == [device.mac.plain for device in devices]
    for wanted, device in zip(read, devices, strict=True):
        assert [(it.extension, it.label) for it in wanted.lines] == [
            (line.extension, line.label) for line in device.lines
        ]
        assert [it.name for it in wanted.lines] == [
            extensions[line.extension].name for line in device.lines
        ]


def _device(place: int, numbers: list[str], labels: list[str]) -> Device:
    lines = tuple(
        Line(index=index, extension=number, label=label)
        for index, (number, label) in enumerate(zip(numbers, labels, strict=True), start=1)
    )
    return Device(
        mac=Mac(place),
        vendor="yealink",
        model="t46s",
        lines=lines,
        admin_password=Secret("x" * 8),
        created_at=NOW,
        updated_at=NOW,
    )
