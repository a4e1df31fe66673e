"""The facts of the moment: what the rules are given, and what they find in it."""

from dataclasses import replace

from offhook.actions.ports import NotifyKind, NotifyOutcome
from offhook.core.model import RebootStep, Registration
from offhook.core.render import Templates
from offhook.diagnosis.examples import REFUSED_REGISTER
from tests.contract import build
from tests.fakes import FakeEngine
from tests.world import HOME, World, mac, registration, sip_agent_of, until


async def codes(world: World, only: str = "") -> set[str]:
    found = await world.diagnose.findings(mac(only) if only else None)
    return {finding.code for finding in found}


async def test_a_healthy_phone_has_no_finding() -> None:
    world = await World.make()
    device = await world.device()
    for name in world.files.expected(device.mac):
        await world.ask(name, user_agent=sip_agent_of("yealink"), query=f"mac={device.mac}")
    world.engine.bindings = [registration(phone=device.mac)]
    assert await codes(world) == set()


async def test_facts_hold_what_is_expected_delivered_and_registered() -> None:
    world = await World.make("1001", "1002")
    device = await world.device()
    await world.fetch(device)
    world.engine.bindings = [
        registration(phone=device.mac),
        registration("1002", user_agent="baresip v1.0.0"),
    ]
    await world.ask("000bea85abcd.cfg")
    own = await world.diagnose.device_facts([device.mac], ["1002"])
    facts = await world.diagnose.fleet_facts(own)
    assert facts.expected[device.mac] == world.files.expected(device.mac)
    assert facts.sightings[device.mac].address == HOME
    assert facts.device_registrations == {device.mac: (world.engine.bindings[0],)}
    assert set(facts.registrations) == {"1001", "1002"}
    assert [phone.mac for phone in facts.unknown] == [mac("000bea85abcd")]
    assert [attempt.mac for attempt in facts.attempts] == [mac("000bea85abcd"), device.mac]


async def test_facts_of_one_phone_are_of_it_alone() -> None:
    world = await World.make()
    one, two = await world.device("001565120001"), await world.device("001565120002")
    await world.fetch(one)
    await world.fetch(two)
    await world.ask("000bea85abcd.cfg")
    facts, _ = await world.diagnose.facts_about([one.mac])
    assert set(facts.devices) == set(facts.expected) == {one.mac}
    assert {attempt.mac for attempt in facts.attempts} == {one.mac}
    assert facts.unknown == ()
    stranger, _ = await world.diagnose.facts_about([mac("000bea85abcd")])
    assert not stranger.devices
    assert [phone.mac for phone in stranger.unknown] == [mac("000bea85abcd")]


async def test_a_template_that_fails_is_found() -> None:
    world = await World.make()
    device = await world.device()
    broken = {**build.templates().sources, "yealink/main.cfg.j2": "{{ nothing }}"}
    world.state.take_source(replace(world.state.source, templates=Templates(broken)))
    world.files.forget_all()
    facts = await world.diagnose.device_facts([device.mac])
    assert facts.render_faults[device.mac].code == "P701"
    assert device.mac not in facts.expected
    assert "P701" in await codes(world)


async def test_a_phone_that_died_silently_is_found_unanswered() -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    world.engine.bindings = [registration(phone=device.mac)]
    world.clock.pass_s(60)
    world.engine.scripts[world.engine.bindings[0].contact] = NotifyOutcome(
        kind=NotifyKind.UNANSWERED
    )
    _, changes = await world.put()
    assert changes.is_reboot_triggered
    await until(lambda: world.reboots.latest()[device.mac].step is RebootStep.UNANSWERED)
    assert "P601" in await codes(world, "001565123456")


async def test_refused_registrations_are_remembered_bounded_newest_first() -> None:
    world = await World.make()
    for number in range(600):
        world.events.publish(replace(REFUSED_REGISTER, claimed=str(number)))
    facts = await world.diagnose.fleet_facts()
    assert len(facts.refused_registers) == 500
    assert facts.refused_registers[0].claimed == "599"


async def test_a_device_deleted_while_looking_is_left_out() -> None:
    world = await World.make()
    device = await world.device()

    class Slow(FakeEngine):
        def registrations(self, extension: str | None = None) -> tuple[Registration, ...]:
            world.state.devices.pop(device.mac, None)
            return ()

    world.diagnose.engine = Slow()
    world.files.forget_all()
    facts = await world.diagnose.device_facts([device.mac])
    assert device.mac in facts.devices
    assert device.mac not in facts.expected
