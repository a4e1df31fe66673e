"""Records on their way to the store: nothing is lost while it is away."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from offhook.actions.followed import Saving
from offhook.core.model import Reboot, RebootStep
from tests.fakes import FakeRebootStore
from tests.world import until

AT = datetime(2025, 12, 5, 19, 0, tzinfo=UTC)
ASKED = Reboot(
    id="one",
    mac=None,
    extension="1001",
    contact="sip:1001@192.0.2.5",
    vendor="yealink",
    event="check-sync",
    reason="test",
    asked_by="tester",
    asked_at=AT,
    step=RebootStep.PENDING,
    steps={RebootStep.PENDING: AT},
)
SENT = replace(ASKED, step=RebootStep.NOTIFIED)
OTHER = replace(ASKED, id="other")


@pytest.fixture(autouse=True)
def is_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr("offhook.actions.followed.RETRY_S", 0.001)


async def test_what_a_store_that_was_away_did_not_take_is_written_when_it_is_back() -> None:
    store = FakeRebootStore(fails=True)
    saving = Saving(store.put_reboots)
    saving.note(ASKED)
    saving.note(OTHER)
    await asyncio.sleep(0.01)
    saving.note(SENT)
    assert (store.kept, saving.has("one")) == ({}, True)
    store.fails = False
    await until(lambda: len(store.kept) == 2)
    assert store.kept == {"one": SENT, "other": OTHER}
    assert store.puts.count(("one", RebootStep.PENDING)) == 0
    assert not saving.has("one")


async def test_a_stop_waits_for_no_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("offhook.actions.followed.STOP_WAIT_S", 0.02)
    saving = Saving(FakeRebootStore(fails=True).put_reboots)
    saving.note(ASKED)
    with caplog.at_level(logging.ERROR, "offhook.reboots"):
        await saving.stop()
        await saving.stop()
    assert "1 reboots could not be saved before the stop" in caplog.text
