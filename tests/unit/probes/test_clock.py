"""SNTP answers: the time, or why there is none."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.probes.clock import NoTime, parse_answer, render_question

NONCE = b"12345678"
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


def answer(
    told: datetime = NOW, *, first: int = 0x24, stratum: int = 2, nonce: bytes = NONCE
) -> bytes:
    seconds = (told - EPOCH).total_seconds()
    stamp = struct.pack(">II", int(seconds) % 2**32, int(seconds % 1 * 2**32))
    return bytes((first, stratum, 0, 0)) + bytes(8) + b"RATE" + bytes(8) + nonce + bytes(8) + stamp


def test_question_is_a_client_packet_with_the_nonce_as_its_time() -> None:
    packet = render_question(NONCE)
    assert (len(packet), packet[0] & 7, packet[40:]) == (48, 3, NONCE)


@given(st.timedeltas(timedelta(days=-10_000), timedelta(days=30_000)))
def test_time_is_read_in_the_era_of_now(later: timedelta) -> None:
    told = NOW + later
    found = parse_answer(answer(told), NONCE, told + timedelta(days=3))
    assert isinstance(found, datetime)
    assert abs(found - told) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "no answer to our question"),
        (answer(nonce=b"87654321"), "no answer to our question"),
        (answer(first=0x23), "no answer to our question"),
        (answer(stratum=0), "it refuses to tell the time: 'RATE'"),
        (answer(first=0xE4), "its own clock is not set"),
        (answer(stratum=16), "its own clock is not set"),
        (answer(EPOCH), "its answer holds no time"),
    ],
)
def test_answer_without_a_time_has_a_reason(packet: bytes, reason: str) -> None:
    assert parse_answer(packet, NONCE, NOW) == NoTime(reason=reason)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_time_or_a_reason(data: bytes) -> None:
    assert isinstance(parse_answer(data, data[24:32], NOW), datetime | NoTime)
