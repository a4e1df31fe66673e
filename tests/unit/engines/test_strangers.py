"""What strangers may cost: lines and events per time."""

from __future__ import annotations

import pytest

from offhook.engines.strangers import JunkLog, OncePerMinute


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
