"""Events and tasks: nobody can fail the one who publishes, and no failure is silent."""

import asyncio
import logging

import pytest

from offhook.actions.publish import Events
from offhook.core.events import RebootAdvanced
from offhook.diagnosis.examples import REBOOT
from offhook.tasks import _running, spawn
from tests.world import settle

EVENT = RebootAdvanced(reboot=REBOOT)


def test_everybody_is_told_in_order_though_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    events, told = Events(), list[str]()

    def fail(_: object) -> None:
        told.append("fails")
        raise RuntimeError("a listener's bug")

    events.subscribe(lambda _: told.append("first"))
    events.subscribe(fail)
    events.subscribe(lambda _: told.append("last"))
    events.publish(EVENT)
    assert told == ["first", "fails", "last"]
    assert [record.getMessage() for record in caplog.records] == [
        "a listener failed on RebootAdvanced"
    ]


def test_who_unsubscribed_hears_no_more_and_may_do_so_twice() -> None:
    events, told = Events(), list[object]()
    stop = events.subscribe(told.append)
    events.subscribe(told.append)
    events.publish(EVENT)
    stop()
    stop()
    events.publish(EVENT)
    assert len(told) == 3


def test_who_unsubscribes_while_told_disturbs_nobody() -> None:
    events, told = Events(), list[str]()
    stops = []

    def once(_: object) -> None:
        told.append("once")
        stops[0]()

    stops.append(events.subscribe(once))
    events.subscribe(lambda _: told.append("always"))
    events.publish(EVENT)
    events.publish(EVENT)
    assert told == ["once", "always", "always"]


async def test_a_task_that_fails_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    with caplog.at_level(logging.ERROR):
        spawn(fail(), "the failing one")
        await settle()
    (record,) = caplog.records
    assert record.getMessage() == "background task the failing one failed"
    assert record.exc_info


async def test_a_task_is_kept_until_it_ends_and_may_be_cancelled_quietly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = spawn(asyncio.Event().wait(), "waits")
    assert task in _running
    task.cancel()
    await settle()
    assert task not in _running
    assert not caplog.records
