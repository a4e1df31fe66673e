"""When phones boot, how long they try, what junk is sent."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest

from offhook.core.mac import parse_mac
from offhook.simulator.conduct import Patience, jittered
from offhook.simulator.fleet_phone import granted_expiry_s, package
from offhook.simulator.record import Record
from offhook.simulator.scenarios.boot_storm import boot_moments
from offhook.simulator.scenarios.junk import JunkKind, junk_pieces
from offhook.simulator.site import is_marked, planned
from offhook.sip.message import Response
from offhook.sip.parse import parse_datagram


def test_boots_are_spread_over_the_time_in_order_and_the_same_every_time():
    moments = boot_moments(1000, 10.0)
    assert list(moments) == sorted(moments) == list(boot_moments(1000, 10.0))
    assert moments[0] >= 0
    assert moments[-1] <= 10.0
    for second in range(10):
        assert 50 < sum(second <= moment < second + 1 for moment in moments) < 150


def test_all_boot_at_once_when_there_is_no_time():
    assert set(boot_moments(5, 0.0)) == {0.0}


def test_jitter_shortens_never_lengthens():
    assert all(15.0 <= jittered(30.0) <= 30.0 for _ in range(100))


async def test_patience_tries_again_and_ends_with_a_failure():
    record = Record()
    now = asyncio.get_running_loop().time()
    patience = Patience(record=record, label="p", until=now + 60)
    assert await patience.lets_try_again("fetch: HTTP 503", "a.cfg", 0.0)
    assert not await patience.lets_try_again("fetch: HTTP 503", "a.cfg", 61.0)
    assert [item.count for item in record.retried()] == [1]
    assert [item.kind for item in record.failures()] == ["fetch: HTTP 503"]


def test_junk_is_of_every_kind_and_the_same_for_a_seed():
    pieces = list(islice(junk_pieces(3), 400))
    assert pieces == list(islice(junk_pieces(3), 400))
    assert {piece.kind for piece in pieces} == set(JunkKind)
    for piece in pieces:
        assert bool(piece.data) is (piece.kind is JunkKind.BROKEN)
        assert "{" not in piece.agent
        if piece.kind is JunkKind.UNKNOWN:
            assert "{" not in piece.file


def test_planned_phones_are_of_all_makers_and_marked():
    specs = planned(100, 900000)
    assert len({spec.mac for spec in specs}) == len({spec.number for spec in specs}) == 100
    assert len({spec.profile.name for spec in specs}) == 5
    assert all(is_marked(spec.mac) for spec in specs)
    assert specs[0].number == "900000"
    # Locally administered, and for one phone, not a group.
    assert all(spec.mac.value >> 40 & 3 == 2 for spec in specs)
    real = parse_mac("00:15:65:12:34:56")
    assert real is not None
    assert not is_marked(real)


@pytest.mark.parametrize(
    ("event", "expected"),
    [("check-sync;reboot=true", "check-sync"), (" Resync ", "resync"), ("a;b=c", "a")],
)
def test_an_event_is_known_by_its_package(event, expected):
    assert package(event) == expected


ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\nFrom: <sip:1@a>;tag=a\r\n"
    "To: <sip:1@a>;tag=b\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{}Content-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("Contact: <sip:1@127.0.0.2:5070>;expires=90\r\n", 90),
        (
            "Contact: <sip:1@127.0.0.9>;expires=5, <sip:1@127.0.0.2:5070>;expires=91\r\n",
            91,
        ),
        ("Contact: <sip:1@127.0.0.9>;expires=5\r\nExpires: 60\r\n", 60),
        ("", None),
    ],
)
def test_the_expiry_granted_to_a_phone_is_that_of_its_contact(lines, expected):
    answer = parse_datagram(ANSWER.format(lines).encode())
    assert isinstance(answer, Response)
    assert granted_expiry_s(answer, "sip:1@127.0.0.2:5070") == expected
