"""Reboots wait while their phones are in a call."""

from __future__ import annotations

import pytest

from offhook.actions.busy import WAITS_FOR_CALL, Busy
from offhook.actions.manual_reboots import ManualReboots
from offhook.actions.reboots import Target
from offhook.core.events import RebootAdvanced
from offhook.core.model import Device, LiveCall, Reboot, RebootStep, Registration
from tests.unit.actions.test_reboots import order, phone, steps
from tests.world import World, registration, settle, until


def call(caller: str = "1001", callee: str = "1002", at: str = "", answered: str = "") -> LiveCall:
    return LiveCall(
        caller=caller,
        callee=callee,
        state="talking" if answered else "ringing",
        since=World().clock.now(),
        caller_at=at,
        callee_at=answered,
    )


@pytest.mark.parametrize(
    ("live", "busy"),
    [
        (call(), True),
        (call("1009", "1001"), True),
        (call("1009", "1002"), False),
        (call(at="udp:192.0.2.9:5060"), False),
        (call("1009", "1001", answered="tcp:[2001:db8::1]:4"), False),
    ],
)
def test_a_phone_is_busy_by_extension_and_address(live: LiveCall, *, busy: bool) -> None:
    assert Busy([live]).has(registration("1001")) is busy


def test_the_port_of_a_call_may_differ_from_the_registered_one() -> None:
    here = registration("1001", port=5060)
    there = here.source.replace(":5060", ":40000")
    assert Busy([call(at=there)]).has(here)


def told(world: World, reboot: Reboot) -> Reboot:
    """The record as it was told last."""
    seen = [event.reboot for event in world.seen if isinstance(event, RebootAdvanced)]
    return [item for item in seen if item.id == reboot.id][-1]


async def held(world: World, device: Device, *, is_automatic: bool = True) -> Reboot:
    """Order a reboot of a phone that is in a call."""
    world.engine.live_calls = [call()]
    (reboot,) = order(world, device, is_automatic=is_automatic)
    await until(lambda: told(world, reboot).detail == WAITS_FOR_CALL)
    return reboot


@pytest.mark.parametrize("is_automatic", [True, False])
async def test_a_reboot_waits_for_the_end_of_the_call(is_automatic: bool) -> None:
    world = await World.make()
    device = await phone(world)
    reboot = await held(world, device, is_automatic=is_automatic)
    world.reboots.sweep()
    await settle()
    assert (world.engine.orders, told(world, reboot).step) == ([], RebootStep.PENDING)
    world.engine.live_calls = []
    world.reboots.sweep()
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    assert told(world, reboot).detail == ""
    assert len(world.engine.orders) == 1


async def test_a_call_on_another_line_holds_the_phone_as_well() -> None:
    world = await World.make("1001", "1003")
    device = await world.device("001565120001", lines=("1001", "1003"))
    for number, line in enumerate(("1003", "1001")):
        world.engine.bindings.append(
            registration(line, port=5000, phone=device.mac, age_s=number, clock=world.clock)
        )
    reboot = await held(world, device)
    assert reboot.extension == "1003"
    assert world.engine.orders == []


async def test_a_phone_that_talks_again_waits_again() -> None:
    world = await World.make()
    reboot = await held(world, await phone(world))
    world.engine.live_calls = []
    world.reboots.sweep()
    world.engine.live_calls = [call()]
    await settle()
    assert world.engine.orders == []
    world.engine.live_calls = []
    world.reboots.sweep()
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)


async def test_a_phone_that_went_away_during_its_call_is_not_waited_for() -> None:
    world = await World.make()
    reboot = await held(world, await phone(world))
    world.engine.bindings.clear()
    world.reboots.sweep()
    await until(lambda: told(world, reboot).step is RebootStep.FAILED)


async def test_changes_during_a_call_are_one_reboot() -> None:
    world = await World.make()
    device = await phone(world)
    reboot = await held(world, device)
    assert [item.id for item in order(world, device)] == [reboot.id]


async def test_the_others_are_not_held_up() -> None:
    world = await World.make("1001", "1005")
    await phone(world)
    other = await phone(world, number=2, extension="1005")
    world.engine.live_calls = [call()]
    order(world, *world.state.devices.values())
    await until(lambda: bool(world.engine.orders))
    await settle()
    assert [item.registration.mac for item in world.engine.orders] == [other.mac]


def forced(world: World, found: Registration, device: Device | None) -> Reboot:
    (reboot,) = world.reboots.order(
        [Target(registration=found, device=device)],
        reason="test",
        asked_by="tester",
        is_automatic=False,
        is_forced=True,
    )
    return reboot


async def test_a_forced_reboot_is_sent_in_the_middle_of_a_call() -> None:
    world = await World.make()
    device = await phone(world)
    world.engine.live_calls = [call()]
    reboot = forced(world, world.engine.bindings[0], device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    assert WAITS_FOR_CALL not in {told(world, reboot).detail}
    assert world.reboots._sending.waiting._forced == set()


async def test_forcing_sends_the_one_that_waits() -> None:
    world = await World.make()
    device = await phone(world)
    waiting = await held(world, device)
    assert forced(world, world.engine.bindings[0], device).id == waiting.id
    await until(lambda: steps(world, waiting)[-1] is RebootStep.ANSWERED)
    assert len(world.engine.orders) == 1


async def test_a_phone_nobody_knows_waits_too() -> None:
    world = await World.make()
    world.engine.bindings.append(registration("1001", clock=world.clock))
    world.engine.live_calls = [call()]
    manual = ManualReboots(state=world.state, reboots=world.reboots, events=world.events)
    ordered = await manual.reboot_extension("tester", "1001")
    assert [item.detail for item in ordered] == [WAITS_FOR_CALL]
    assert world.engine.orders == []


async def test_stopping_leaves_what_waits_unsent() -> None:
    world = await World.make()
    reboot = await held(world, await phone(world))
    await world.reboots.stop()
    assert (world.engine.orders, told(world, reboot).step) == ([], RebootStep.PENDING)
    assert world.reboots._sending.waiting._held == {}
