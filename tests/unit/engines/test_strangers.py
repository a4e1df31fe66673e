"""What strangers may cost: lines and events per time."""

from __future__ import annotations

import pytest

from offhook.engines.strangers import Allowance, JunkLog
from offhook.handshakes import OncePerMinute
from offhook.sip.bindings import Binding, BindingTable, Source


def test_one_line_in_ten_seconds_with_the_count(caplog: pytest.LogCaptureFixture) -> None:
    junk = JunkLog()
    for tenth in range(150):
        junk.note("udp:192.0.2.1:5060", "no\r\nSIP", tenth / 10)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "no\\r\\nSIP (0 more" in messages[0]
    assert "(99 more" in messages[1]


def test_a_key_passes_once_a_minute() -> None:
    once = OncePerMinute()
    assert [once.is_due("a", now) for now in (0, 1, 59, 60, 61)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert once.is_due("b", 1)


def test_the_oldest_key_is_forgotten() -> None:
    once = OncePerMinute()
    for n in range(5000):
        once.is_due(str(n), 0)
    assert once.is_due("0", 1)
    assert not once.is_due("4999", 1)


def stranger(number: int = 1, port: int = 5060) -> Source:
    return Source(transport="udp", host=f"198.51.100.{number}", port=port)


def test_a_burst_is_heard_and_then_so_many_a_second() -> None:
    moment = [0.0]
    allowance = Allowance(BindingTable(max_contacts=1), lambda: moment[0], burst=3, a_second=2)
    assert [allowance.is_spent(stranger(port=5000 + n)) for n in range(5)] == [False] * 3 + [
        True
    ] * 2
    assert not allowance.is_spent(stranger(2))
    moment[0] = 1.0
    assert [allowance.is_spent(stranger()) for _ in range(3)] == [False] * 2 + [True]
    assert allowance.refused == 3


def test_a_registered_phone_is_heard_whatever_its_neighbour_sends() -> None:
    table = BindingTable(max_contacts=1)
    phone = stranger(port=5062)
    table.restore(bound(str(phone)))
    allowance = Allowance(table, lambda: 0.0, burst=1, a_second=1)
    assert [allowance.is_spent(stranger()) for _ in range(3)] == [False, True, True]
    assert not allowance.is_spent(phone)


def bound(source: str) -> Binding:
    return Binding(
        aor="1001",
        contact="sip:1001@198.51.100.1",
        source=source,
        call_id="c",
        cseq=1,
        registered_at=0.0,
        refreshed_at=0.0,
        expires_at=60.0,
    )


def test_invented_sources_take_bounded_memory() -> None:
    allowance = Allowance(BindingTable(max_contacts=1), lambda: 0.0)
    for number in range(10_000):
        allowance.is_spent(
            Source(transport="udp", host=f"10.0.{number // 250}.{number % 250}", port=1)
        )
    assert len(allowance) == 4096
