"""The verdict on the fleet: counted, kept up to date by events, bounded in one go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.actions import fleet as fleet_module
from offhook.actions.fleet import BUSY, PATIENCE, Fleet
from offhook.core.events import AttemptRecorded, AttemptsRepeated, Event
from offhook.core.model import Again, Device
from offhook.diagnosis.examples import REFUSED_REGISTER
from offhook.diagnosis.finding import Stage
from tests.world import World, registration, sip_agent_of


def watched(world: World) -> Fleet:
    fleet = Fleet(state=world.state, diagnose=world.diagnose)
    world.events.subscribe(fleet.on_event)
    return fleet


async def right(world: World, device: Device) -> None:
    for name in world.files.expected(device.mac):
        await world.ask(name, user_agent=sip_agent_of("yealink"), query=f"mac={device.mac}")
    world.engine.bindings.append(registration(device.extension, phone=device.mac))


async def test_no_phone_is_told_so() -> None:
    verdict = await watched(await World.make()).verdict()
    assert verdict.sentence == "No phone is registered here yet"


async def test_phones_are_counted_by_how_they_are() -> None:
    world = await World.make("1001", "1002", "1003")
    fleet = watched(world)
    await right(world, await world.device("001565120001", lines=("1001",)))
    silent = await world.device("001565120002", lines=("1002",))
    await world.fetch(silent)
    world.clock.pass_s(600)
    await world.device("001565120003", lines=("1003",))
    verdict = await fleet.verdict()
    assert verdict.sentence == "1 of 3 phones are right; 1 needs you; 1 on their way"
    assert verdict.reached == {Stage.REGISTERED: 1, Stage.DELIVERED: 1, Stage.SETUP: 1}
    (problem,) = [item for item in verdict.problems if item.code == "P401"]
    assert (problem.count, problem.subjects) == (1, (silent.mac.colons,))


async def test_events_make_phones_due_and_the_deleted_are_forgotten() -> None:
    world = await World.make()
    fleet = watched(world)
    device = await world.device()
    assert (await fleet.verdict()).right == 0
    await right(world, device)
    assert (await fleet.verdict()).right == 1
    await world.devices.delete_device("test", device.mac.plain)
    verdict = await fleet.verdict()
    assert (verdict.total, verdict.right, verdict.unjudged) == (0, 0, 0)


async def test_large_fleet_is_judged_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "AT_ONCE", 2)
    monkeypatch.setattr(fleet_module, "COUNTED_AT_ONCE", 2)
    monkeypatch.setattr(fleet_module, "CHUNK", 2)
    monkeypatch.setattr(fleet_module, "_COUNT_EVERY_S", 0.0)
    world = await World.make()
    fleet = watched(world)
    for number in range(7):
        await world.device(f"00156512000{number}", lines=("1001",))
    fleet._due.some(7)
    assert (await fleet.verdict()).unjudged == 7
    for _ in range(5):
        await fleet.tick()
    verdict = await fleet.verdict()
    assert verdict.unjudged == 0
    assert verdict.on_their_way == 7


async def test_judging_waits_while_many_phones_ask_and_goes_on_all_the_same() -> None:
    world = await World.make("1001")
    fleet = watched(world)
    device = await world.device("001565120001", lines=("1001",))
    for tick in range(1, PATIENCE + 1):
        for _ in range(BUSY + 1):
            await world.fetch(device)
        await fleet.tick()
        assert (device.mac in fleet.judged()) == (tick == PATIENCE)


async def test_phone_whose_number_is_refused_needs_somebody_until_it_registers() -> None:
    world = await World.make()
    fleet = watched(world)
    device = await world.device()
    await world.fetch(device)
    world.events.publish(replace(REFUSED_REGISTER, at=world.clock.now()))
    verdict = await fleet.verdict()
    assert verdict.sentence == "0 of 1 phone is right; 1 needs you"
    assert [it.code for it in fleet.judged()[device.mac].findings] == ["P402"]
    assert [(it.code, it.count) for it in verdict.problems] == [("P402", 1)]
    await right(world, device)
    assert (await fleet.verdict()).right == 1


async def test_a_phone_that_asks_for_the_same_again_is_judged_once_a_minute() -> None:
    world = await World.make("1001")
    fleet = watched(world)
    device = await world.device("001565120001", lines=("1001",))
    heard: list[Event] = []
    world.events.subscribe(heard.append)
    await world.fetch(device)
    (first,) = [it.attempt for it in heard if isinstance(it, AttemptRecorded)]
    await fleet.tick()

    def judged_after(seconds: float) -> bool:
        return fleet.judged()[device.mac].at == world.clock.now() - timedelta(seconds=seconds)

    async def repeat() -> None:
        now = world.clock.now()
        again = Again(first, "again", now, first.address)
        world.events.publish(AttemptsRepeated(repeats=(again,)))
        await fleet.tick()

    for passed in (20, 40):
        world.clock.pass_s(20)
        await repeat()
        assert judged_after(passed)
    await fleet.look_at([device.mac])  # whoever looks at it sees it as it is
    assert judged_after(0)
    world.clock.pass_s(20)
    await repeat()
    assert judged_after(20)
    world.clock.pass_s(61)
    await fleet.tick()
    assert judged_after(0)
    world.clock.pass_s(70)
    await repeat()
    assert judged_after(0)
