"""Reboots: told in turn, followed by what is seen, ended with a reason."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from offhook.actions.ports import NotifyKind, NotifyOrder, NotifyOutcome
from offhook.actions.reboots import FALLBACK, Reboots, Target
from offhook.core.events import PhoneRegistered, RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import Device, Reboot, RebootStep, Registration
from offhook.core.secret import Secret
from tests.fakes import ACCEPTED, FakeEngine
from tests.world import HOME, World, mac, registration, settle, sip_agent_of, until

UNANSWERED = NotifyOutcome(kind=NotifyKind.UNANSWERED)
REFUSED = NotifyOutcome(kind=NotifyKind.REFUSED, code=489, reason="Bad Event")
CHALLENGED = NotifyOutcome(
    kind=NotifyKind.CHALLENGED, code=401, reason="Unauthorized", was_challenged=True
)
FAILED = NotifyOutcome(kind=NotifyKind.FAILED, reason="no connection")


async def phone(world: World, number: int = 1, extension: str = "1001") -> Device:
    """A registered device whose MAC its registration tells."""
    device = await world.device(f"0015651200{number:02x}", lines=(extension,))
    world.engine.bindings.append(
        registration(extension, port=5000 + number, phone=device.mac, clock=world.clock)
    )
    return device


def order(world: World, *devices: Device, is_automatic: bool = True) -> list[Reboot]:
    targets = [target for device in devices for target in world.reboots.targets_of(device)]
    return world.reboots.order(targets, reason="test", asked_by="tester", is_automatic=is_automatic)


def steps(world: World, reboot: Reboot) -> list[RebootStep]:
    """Every step told of a reboot, in order."""
    told = [event.reboot for event in world.seen if isinstance(event, RebootAdvanced)]
    return [item.step for item in told if item.id == reboot.id]


def last(world: World, reboot: Reboot) -> Reboot:
    """The record as it was told last; the store has the same."""
    told = [event.reboot for event in world.seen if isinstance(event, RebootAdvanced)]
    found = [item for item in told if item.id == reboot.id][-1]
    assert world.reboot_store.kept[reboot.id] == found
    return found


def registers(world: World, binding: Registration) -> None:
    world.engine.bindings = [
        item for item in world.engine.bindings if item.contact != binding.contact
    ] + [binding]
    world.events.publish(
        PhoneRegistered(registration=binding, is_new=True, was_rebooted=True, at=world.clock.now())
    )


def followed(world: World) -> int:
    return len(world.reboots._records.followed)


# --- the way of one reboot -----------------------------------------------------------------------


async def test_goes_from_asked_to_registered_again() -> None:
    world = await World.make()
    device = await phone(world)
    (reboot,) = order(world, device)
    assert (reboot.step, reboot.mac, reboot.extension) == (
        RebootStep.PENDING,
        device.mac,
        "1001",
    )
    assert (reboot.vendor, reboot.event) == ("yealink", "check-sync;reboot=true")
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    world.clock.pass_s(20)
    await world.fetch(device)
    world.clock.pass_s(5)
    registers(world, registration(port=6000, phone=device.mac, clock=world.clock))
    await settle()
    ended = last(world, reboot)
    assert steps(world, reboot) == [
        RebootStep.PENDING,
        RebootStep.NOTIFIED,
        RebootStep.ANSWERED,
        RebootStep.FETCHED,
        RebootStep.REGISTERED,
    ]
    assert list(ended.steps) == steps(world, reboot)
    assert (ended.sip_code, ended.sip_reason, ended.fault) == (200, "OK", "")
    assert world.reboots.latest()[device.mac] == ended
    assert followed(world) == 0


async def test_the_order_carries_the_lines_credentials_and_patience() -> None:
    world = await World.make()
    await phone(world)
    order(world, *world.state.devices.values())
    await until(lambda: bool(world.engine.orders))
    (sent,) = world.engine.orders
    assert sent.username == "1001"
    assert sent.secret == world.state.extensions["1001"].secret
    assert sent.timeout_s == 8
    assert sent.notify.event == "check-sync;reboot=true"


@pytest.mark.parametrize(
    ("outcome", "step", "fault"),
    [
        (ACCEPTED, RebootStep.ANSWERED, ""),
        (UNANSWERED, RebootStep.UNANSWERED, "P601"),
        (REFUSED, RebootStep.REFUSED, "P603"),
        (CHALLENGED, RebootStep.CHALLENGED, "P602"),
        (FAILED, RebootStep.FAILED, "P601"),
        (ConnectionResetError("reset by peer"), RebootStep.FAILED, "P601"),
        (RuntimeError("a bug"), RebootStep.FAILED, "P601"),
    ],
)
async def test_every_outcome_ends_in_its_step(
    outcome: NotifyOutcome | Exception, step: RebootStep, fault: str
) -> None:
    world = await World.make()
    device = await phone(world)
    world.engine.scripts[world.engine.bindings[0].contact] = outcome
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is step)
    await settle()
    ended = last(world, reboot)
    assert ended.fault == fault
    if isinstance(outcome, NotifyOutcome):
        assert (ended.sip_code, ended.sip_reason) == (outcome.code, outcome.reason)
        assert ended.was_challenged == outcome.was_challenged
    assert not world.reboots._records.sent


async def test_a_reboot_that_failed_does_not_block_the_next() -> None:
    world = await World.make()
    device = await phone(world)
    world.engine.scripts[world.engine.bindings[0].contact] = RuntimeError("a bug")
    (first,) = order(world, device)
    await until(lambda: steps(world, first)[-1] is RebootStep.FAILED)
    world.engine.scripts.clear()
    (second,) = order(world, device)
    assert second.id != first.id
    await until(lambda: steps(world, second)[-1] is RebootStep.ANSWERED)


async def test_a_long_answer_is_cut() -> None:
    world = await World.make()
    device = await phone(world)
    long = replace(REFUSED, reason="x" * 70_000)
    world.engine.scripts[world.engine.bindings[0].contact] = long
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.REFUSED)
    await settle()
    assert len(last(world, reboot).sip_reason) <= 200
    assert len(last(world, reboot).detail) <= 200


async def test_a_fetch_before_the_answer_counts_and_the_answer_is_kept() -> None:
    world = await World.make()
    device = await phone(world)
    answer: asyncio.Future[NotifyOutcome] = asyncio.get_running_loop().create_future()
    world.engine.scripts[world.engine.bindings[0].contact] = answer
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.NOTIFIED)
    await world.fetch(device)
    assert steps(world, reboot)[-1] is RebootStep.FETCHED
    answer.set_result(ACCEPTED)
    await settle()
    ended = last(world, reboot)
    assert (ended.step, ended.sip_code, ended.fault) == (RebootStep.FETCHED, 200, "")


@pytest.mark.parametrize("outcome", [UNANSWERED, FAILED, ConnectionResetError("lost")])
async def test_a_phone_that_came_back_before_its_lost_answer_has_succeeded(
    outcome: NotifyOutcome | Exception,
) -> None:
    world = await World.make()
    device = await phone(world)
    answer: asyncio.Future[NotifyOutcome] = asyncio.get_running_loop().create_future()
    world.engine.scripts[world.engine.bindings[0].contact] = answer
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.NOTIFIED)
    await world.fetch(device)
    registers(world, registration(port=6000, phone=device.mac))
    assert steps(world, reboot)[-1] is RebootStep.REGISTERED
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
    await settle()
    ended = last(world, reboot)
    assert (ended.step, ended.fault) == (RebootStep.REGISTERED, "")
    assert set(ended.steps) == {
        RebootStep.PENDING,
        RebootStep.NOTIFIED,
        RebootStep.FETCHED,
        RebootStep.REGISTERED,
    }
    assert followed(world) == 0


@pytest.mark.parametrize("outcome", [UNANSWERED, REFUSED, CHALLENGED])
async def test_a_late_fetch_proves_what_had_no_good_answer(outcome: NotifyOutcome) -> None:
    world = await World.make()
    device = await phone(world)
    world.engine.scripts[world.engine.bindings[0].contact] = outcome
    (reboot,) = order(world, device)
    await until(lambda: len(steps(world, reboot)) == 3)
    world.clock.pass_s(40)
    world.reboots.sweep()
    await world.fetch(device)
    await settle()
    ended = last(world, reboot)
    assert (ended.step, ended.fault, ended.detail) == (RebootStep.FETCHED, "", "")


async def test_being_told_twice_that_it_left_takes_nothing_back() -> None:
    world = await World.make()
    device = await phone(world)
    answer: asyncio.Future[NotifyOutcome] = asyncio.get_running_loop().create_future()

    class Again(FakeEngine):
        async def notify(self, order: NotifyOrder, on_sent: Callable[[], None]) -> NotifyOutcome:
            on_sent()
            outcome = await answer
            on_sent()
            return outcome

    world.engine = Again(bindings=world.engine.bindings)
    world.assemble()
    (reboot,) = order(world, device)
    await until(lambda: RebootStep.NOTIFIED in steps(world, reboot))
    await world.fetch(device)
    answer.set_result(ACCEPTED)
    await settle()
    assert last(world, reboot).step is RebootStep.FETCHED


async def test_a_fetch_before_the_notify_left_proves_nothing() -> None:
    world = await World.make(per_second=0.001)
    first, device = await phone(world, 1), await phone(world, 2)
    _, reboot = order(world, first, device)
    await until(lambda: len(world.engine.orders) == 1)
    await world.fetch(device)
    assert steps(world, reboot) == [RebootStep.PENDING]
    await world.reboots.stop()


@pytest.mark.parametrize("more", [{"user_agent": "curl/8"}, {"method": "HEAD"}, {"is_test": True}])
async def test_only_the_phones_own_fetch_proves_it(more: dict[str, object]) -> None:
    world = await World.make()
    device = await phone(world)
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    await world.ask(f"{device.mac}.cfg", **more)  # type: ignore[arg-type]  # one case each
    assert steps(world, reboot)[-1] is RebootStep.ANSWERED
    await world.fetch(device, if_none_match=(await world.ask(f"{device.mac}.cfg")).etag)
    assert steps(world, reboot)[-1] is RebootStep.FETCHED


async def test_another_phones_fetch_proves_nothing() -> None:
    world = await World.make("1001", "1002")
    one, two = await phone(world, 1), await phone(world, 2, "1002")
    (reboot,) = order(world, one)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    await world.fetch(two)
    assert steps(world, reboot)[-1] is RebootStep.ANSWERED


# --- registered again ----------------------------------------------------------------------------


async def fetched(world: World, device: Device) -> Reboot:
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    await world.fetch(device)
    return reboot


async def test_a_sibling_that_registers_completes_nothing() -> None:
    world = await World.make()
    device, sibling = await phone(world, 1), await phone(world, 2)
    reboot = await fetched(world, device)
    registers(world, registration(port=6002, phone=sibling.mac))
    assert steps(world, reboot)[-1] is RebootStep.FETCHED
    registers(world, registration(port=6001, phone=device.mac))
    assert steps(world, reboot)[-1] is RebootStep.REGISTERED


async def test_a_sibling_of_another_maker_at_the_same_address_completes_nothing() -> None:
    world = await World.make()
    device = await world.device("001565120001", "grandstream")
    other = await world.device("001565120002", "zultys")
    agents = {item.mac: sip_agent_of(item.vendor) for item in (device, other)}
    world.engine.bindings = [
        registration(port=1, user_agent=agents[device.mac]),
        registration(port=2, user_agent=agents[other.mac]),
    ]
    reboot = await fetched(world, device)
    await world.fetch(other)
    registers(world, registration(port=3, user_agent=agents[other.mac], age_s=0))
    assert steps(world, reboot)[-1] is RebootStep.FETCHED
    registers(world, registration(port=4, user_agent=agents[device.mac], age_s=0))
    assert steps(world, reboot)[-1] is RebootStep.REGISTERED


async def test_an_unidentified_agent_is_known_again_by_its_address() -> None:
    world = await World.make()
    device = await world.device()
    world.engine.bindings = [registration(port=1, user_agent="baresip v1.0.0")]
    reboot = await fetched(world, device)
    world.engine.bindings = []
    registers(world, registration(port=2, user_agent="baresip v1.0.0", age_s=0))
    assert steps(world, reboot)[-1] is RebootStep.REGISTERED


async def test_a_phone_that_comes_back_with_another_extension_is_complete() -> None:
    world = await World.make("1001", "1002")
    device = await world.device(vendor="grandstream")
    agent = sip_agent_of("grandstream")
    world.engine.bindings = [registration("1001", port=1, user_agent=agent)]
    reboot = await fetched(world, device)
    await world.put(vendor="grandstream", lines=("1002",))
    world.engine.bindings = []
    registers(world, registration("1002", port=2, user_agent=agent, age_s=0))
    assert steps(world, reboot)[-1] is RebootStep.REGISTERED


async def test_a_registration_before_the_fetch_completes_nothing() -> None:
    world = await World.make()
    device = await phone(world)
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    registers(world, registration(port=6001, phone=device.mac))
    assert steps(world, reboot)[-1] is RebootStep.ANSWERED


# --- pace and coalescing -------------------------------------------------------------------------


async def test_the_first_leaves_at_once_and_the_others_in_their_turn() -> None:
    world = await World.make(per_second=100)
    devices = [await phone(world, number) for number in range(1, 6)]
    began_s = asyncio.get_running_loop().time()
    order(world, *devices)
    await until(lambda: len(world.engine.sent_s) == 5)
    gaps = [at_s - began_s for at_s in world.engine.sent_s]
    assert gaps[0] < 0.01
    for place, gap in enumerate(gaps):
        assert gap >= place * 0.01 - 0.001
    # Who comes later waits behind them all.
    (reboot,) = order(world, await phone(world, 9))
    assert steps(world, reboot) == [RebootStep.PENDING]


async def test_a_reboot_on_its_way_covers_the_next_change() -> None:
    world = await World.make()
    device = await phone(world)
    (first,) = order(world, device)
    (again,) = order(world, device)
    assert again.id == first.id
    await until(lambda: steps(world, first)[-1] is RebootStep.ANSWERED)
    world.clock.pass_s(29)
    (third,) = order(world, device)
    assert third.id == first.id
    assert len(world.engine.orders) == 1


async def test_a_phone_that_fetched_is_told_of_the_next_change() -> None:
    world = await World.make()
    device = await phone(world)
    first = await fetched(world, device)
    (second,) = order(world, device)
    assert second.id != first.id


async def test_a_phone_that_does_not_obey_is_told_again_after_a_while() -> None:
    world = await World.make()
    device = await phone(world)
    (first,) = order(world, device)
    await until(lambda: steps(world, first)[-1] is RebootStep.ANSWERED)
    world.clock.pass_s(31)
    (second,) = order(world, device)
    assert second.id != first.id


async def test_a_person_is_obeyed_though_a_notify_was_just_sent() -> None:
    world = await World.make()
    device = await phone(world)
    (first,) = order(world, device)
    await until(lambda: steps(world, first)[-1] is RebootStep.ANSWERED)
    (second,) = order(world, device, is_automatic=False)
    assert second.id != first.id
    await until(lambda: len(world.engine.orders) == 2)


async def test_a_person_who_wants_a_restart_is_not_put_off_with_a_resync() -> None:
    world = await World.make(is_restart=False, per_second=0.001)
    await phone(world, 1)
    device = await phone(world, 2)
    (_, resync) = order(world, *world.state.devices.values())
    assert resync.event == "check-sync;reboot=false"
    (restart,) = order(world, device, is_automatic=False)
    assert restart.event == "check-sync;reboot=true"
    (covered,) = order(world, device)
    assert covered.id == restart.id
    await world.reboots.stop()


async def test_two_reboots_of_one_phone_are_both_followed_to_their_end() -> None:
    world = await World.make()
    device = await phone(world)
    answer: asyncio.Future[NotifyOutcome] = asyncio.get_running_loop().create_future()
    world.engine.scripts[world.engine.bindings[0].contact] = answer
    (first,) = order(world, device)
    await until(lambda: steps(world, first)[-1] is RebootStep.NOTIFIED)
    world.clock.pass_s(1)
    (second,) = order(world, device, is_automatic=False)
    await until(lambda: steps(world, second)[-1] is RebootStep.NOTIFIED)
    answer.set_result(ACCEPTED)
    await settle()
    assert last(world, first).step is last(world, second).step is RebootStep.ANSWERED
    assert RebootStep.NOTIFIED in last(world, first).steps
    await world.fetch(device)
    await settle()
    assert last(world, first).step is last(world, second).step is RebootStep.FETCHED
    assert world.reboots.latest()[device.mac].id == second.id


@pytest.mark.parametrize("is_restart", [True, False])
async def test_a_change_sends_the_chosen_event_and_a_person_a_restart(is_restart: bool) -> None:
    world = await World.make(is_restart=is_restart)
    device = await phone(world)
    (reboot,) = order(world, device)
    expected = "check-sync;reboot=true" if is_restart else "check-sync;reboot=false"
    assert reboot.event == expected


async def test_a_phone_nobody_knows_gets_the_common_event() -> None:
    world = await World.make()
    world.engine.bindings = [registration(user_agent="baresip v1.0.0")]
    (target,) = world.reboots.targets_of_extension("1001")
    (reboot,) = world.reboots.order([target], reason="r", asked_by="a", is_automatic=False)
    assert (reboot.mac, reboot.vendor, reboot.event) == (None, "", FALLBACK.event)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)


# --- whom ----------------------------------------------------------------------------------------


async def test_the_newest_contact_of_a_phone_is_told_and_no_other() -> None:
    world = await World.make()
    device = await world.device()
    old = registration(port=1, phone=device.mac, age_s=900)
    new = registration(port=2, phone=device.mac, age_s=5)
    world.engine.bindings = [old, new]
    (target,) = world.reboots.targets_of(device)
    assert target.registration == new
    assert [item.registration for item in world.reboots.targets_of_extension("1001")] == [new]


async def test_a_phone_with_two_lines_is_told_once() -> None:
    world = await World.make("1001", "1002")
    device = await world.device(model="t46s", lines=("1001", "1002"))
    world.engine.bindings = [
        registration("1001", port=1, phone=device.mac, age_s=20),
        registration("1002", port=2, phone=device.mac, age_s=10),
    ]
    targets = world.reboots.targets_of_extension("1001")
    assert [(item.device, item.registration.extension) for item in targets] == [(device, "1002")]


async def test_every_phone_of_an_extension_is_told_each_once() -> None:
    world = await World.make()
    one, two = await phone(world, 1), await phone(world, 2)
    world.engine.bindings.append(registration(port=7, user_agent="baresip v1.0.0"))
    targets = world.reboots.targets_of_extension("1001")
    assert [item.device for item in targets] == [one, two, None]
    assert len({item.registration.contact for item in targets}) == 3


async def test_a_registered_device_of_elsewhere_is_known_by_its_mac() -> None:
    world = await World.make("1001", "1002")
    device = await world.device(vendor="zultys", lines=("1002",))
    world.engine.bindings = [registration("1001", phone=device.mac)]
    (target,) = world.reboots.targets_of_extension("1001")
    assert target == Target(registration=world.engine.bindings[0], device=device)


async def test_a_phone_that_registered_anew_while_waiting_is_told_at_its_new_contact() -> None:
    world = await World.make(per_second=100)
    first, device = await phone(world, 1), await phone(world, 2)
    _, reboot = order(world, first, device)
    world.engine.bindings[1] = registration(port=7777, phone=device.mac, age_s=0)
    await until(lambda: RebootStep.ANSWERED in steps(world, reboot))
    await settle()
    assert world.engine.contacts_notified()[1] == f"sip:1001@{HOME}:7777"
    assert last(world, reboot).contact == f"sip:1001@{HOME}:7777"


async def test_a_phone_with_the_former_secret_is_answered_with_it() -> None:
    world = await World.make()
    device = await phone(world)
    former = world.state.extensions["1001"].secret
    world.engine.scripts[world.engine.bindings[0].contact] = CHALLENGED
    _, changes = await world.extensions.change_extension("test", "1001", secret="a-new-secret")
    (reboot,) = changes.reboots
    await until(lambda: steps(world, reboot)[-1] is RebootStep.CHALLENGED)
    assert [order.secret.reveal() for order in world.engine.orders] == [
        "a-new-secret",
        former.reveal(),
    ]
    assert steps(world, reboot).count(RebootStep.NOTIFIED) == 1
    assert device.mac == reboot.mac


async def test_a_phone_that_left_while_waiting_ends_failed_and_says_so() -> None:
    world = await World.make(per_second=100)
    first, device = await phone(world, 1), await phone(world, 2)
    _, reboot = order(world, first, device)
    world.engine.bindings.pop()
    await until(lambda: steps(world, reboot)[-1] is RebootStep.FAILED)
    await settle()
    assert last(world, reboot).detail == "the phone is not registered any more"
    assert len(world.engine.orders) == 1


# --- waiting for the NOTIFY to leave -------------------------------------------------------------


async def test_wait_sent_tells_what_left_and_what_could_not() -> None:
    world = await World.make()
    devices = [await phone(world, number) for number in (1, 2, 3)]
    contacts = [item.contact for item in world.engine.bindings]
    world.engine.scripts[contacts[0]] = asyncio.get_running_loop().create_future()
    world.engine.scripts[contacts[1]] = FAILED
    world.engine.unsendable.add(contacts[1])
    ordered = order(world, *devices)
    found = await world.reboots.wait_sent(ordered, 5)
    assert [item.id for item in found] == [item.id for item in ordered]
    assert found[0].step is RebootStep.NOTIFIED
    assert found[1].step is RebootStep.FAILED
    assert found[2].step in (RebootStep.NOTIFIED, RebootStep.ANSWERED)
    await world.reboots.stop()


async def test_wait_sent_tells_that_it_left_though_all_is_over_already() -> None:
    world = await World.make(per_second=100)
    quick, slow = await phone(world, 1), await phone(world, 2)

    def comes_back(_: object) -> None:
        if len(world.engine.sent_s) == 1:
            tasks.append(asyncio.ensure_future(world.fetch(quick)))
            tasks[0].add_done_callback(
                lambda _: registers(world, registration(port=6000, phone=quick.mac))
            )

    tasks: list[asyncio.Future[object]] = []
    world.engine.on_send = comes_back
    ordered = order(world, quick, slow)
    found = await world.reboots.wait_sent(ordered, 5)
    assert steps(world, ordered[0])[-1] is RebootStep.REGISTERED
    assert all(item.step is not RebootStep.PENDING for item in found)


async def test_wait_sent_waits_no_longer_than_told() -> None:
    world = await World.make(per_second=0.001)
    first, device = await phone(world, 1), await phone(world, 2)
    ordered = order(world, first, device)
    found = await world.reboots.wait_sent(ordered, 0.02)
    assert [item.step for item in found][1] is RebootStep.PENDING
    await world.reboots.stop()


async def test_what_wait_sent_gave_is_in_the_store() -> None:
    world = await World.make()
    world.reboot_store.slow = 3
    (reboot,) = await world.reboots.wait_sent(order(world, await phone(world)), 5)
    assert reboot.id in world.reboot_store.kept


# --- sweep ---------------------------------------------------------------------------------------


async def test_who_answers_and_never_fetches_ends_not_fetched() -> None:
    world = await World.make()
    device = await phone(world)
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.ANSWERED)
    world.clock.pass_s(299)
    world.reboots.sweep()
    assert steps(world, reboot)[-1] is RebootStep.ANSWERED
    world.clock.pass_s(2)
    world.reboots.sweep()
    await settle()
    ended = last(world, reboot)
    assert (ended.step, ended.fault) == (RebootStep.NOT_FETCHED, "P604")
    assert ended.detail == "no file was fetched in 300 seconds"
    assert followed(world) == 0


@pytest.mark.parametrize("outcome", [UNANSWERED, REFUSED, CHALLENGED])
async def test_what_had_no_good_answer_is_followed_no_longer_than_needed(
    outcome: NotifyOutcome,
) -> None:
    world = await World.make()
    device = await phone(world)
    world.engine.scripts[world.engine.bindings[0].contact] = outcome
    (reboot,) = order(world, device)
    await until(lambda: len(steps(world, reboot)) == 3)
    ended = steps(world, reboot)[-1]
    world.clock.pass_s(601)
    world.reboots.sweep()
    assert steps(world, reboot)[-1] is ended
    assert followed(world) == 0


async def test_who_fetched_and_never_registers_stays_fetched() -> None:
    world = await World.make()
    device = await phone(world)
    reboot = await fetched(world, device)
    world.clock.pass_s(601)
    world.reboots.sweep()
    assert followed(world) == 0
    registers(world, registration(port=6000, phone=device.mac))
    await settle()
    assert last(world, reboot).step is RebootStep.FETCHED


async def test_what_waits_for_its_turn_is_not_swept() -> None:
    world = await World.make(per_second=0.001)
    first, device = await phone(world, 1), await phone(world, 2)
    _, reboot = order(world, first, device)
    world.clock.pass_s(10_000)
    world.reboots.sweep()
    assert steps(world, reboot) == [RebootStep.PENDING]
    assert world.reboots.current(reboot.id) == reboot
    await world.reboots.stop()


# --- restart -------------------------------------------------------------------------------------


async def restarted(world: World) -> Reboots:
    await world.reboots.stop()
    world.seen.clear()
    world.forget_listeners(but=1)
    world.assemble()
    await world.reboots.load()
    await settle()
    return world.reboots


async def test_what_was_not_sent_ends_failed_after_a_restart() -> None:
    world = await World.make(per_second=0.001)
    first, device = await phone(world, 1), await phone(world, 2)
    sent, reboot = order(world, first, device)
    await until(lambda: steps(world, sent)[-1] is RebootStep.ANSWERED)
    reboots = await restarted(world)
    ended = world.reboot_store.kept[reboot.id]
    assert (ended.step, ended.fault) == (RebootStep.FAILED, "P601")
    assert ended.detail == "offhook was restarted before it was sent"
    assert reboots.latest()[device.mac] == ended
    assert reboots.current(sent.id) is not None


async def test_what_had_no_answer_is_unanswered_after_a_restart_and_a_late_fetch_proves_it() -> (
    None
):
    world = await World.make()
    device = await phone(world)
    world.engine.scripts[world.engine.bindings[0].contact] = (
        asyncio.get_running_loop().create_future()
    )
    (reboot,) = order(world, device)
    await until(lambda: steps(world, reboot)[-1] is RebootStep.NOTIFIED)
    await restarted(world)
    assert world.reboot_store.kept[reboot.id].step is RebootStep.UNANSWERED
    await world.fetch(device)
    await settle()
    assert world.reboot_store.kept[reboot.id].step is RebootStep.FETCHED


async def test_what_was_answered_or_fetched_goes_on_after_a_restart() -> None:
    world = await World.make("1001", "1002")
    one, two = await phone(world, 1), await phone(world, 2, "1002")
    (answered,) = order(world, one)
    await until(lambda: steps(world, answered)[-1] is RebootStep.ANSWERED)
    done = await fetched(world, two)
    await restarted(world)
    registers(world, registration("1002", port=6000, phone=two.mac))
    await world.fetch(one)
    await settle()
    assert world.reboot_store.kept[done.id].step is RebootStep.REGISTERED
    assert world.reboot_store.kept[answered.id].step is RebootStep.FETCHED


async def test_an_older_reboot_does_not_pass_for_the_newest_after_a_restart() -> None:
    world = await World.make()
    device = await phone(world)
    (old,) = order(world, device)
    await until(lambda: steps(world, old)[-1] is RebootStep.ANSWERED)
    world.clock.pass_s(100)
    (new,) = order(world, device)
    await until(lambda: steps(world, new)[-1] is RebootStep.ANSWERED)
    reboots = await restarted(world)
    world.clock.pass_s(250)
    reboots.sweep()
    await settle()
    assert world.reboot_store.kept[old.id].step is RebootStep.NOT_FETCHED
    assert reboots.latest()[device.mac].id == new.id


async def test_more_than_a_thousand_waiting_are_ended_after_a_restart() -> None:
    world = await World.make()
    device = await phone(world)
    (pattern,) = order(world, device)
    await until(lambda: steps(world, pattern)[-1] is RebootStep.ANSWERED)
    await settle()
    world.reboot_store.kept = {
        f"r{number}": replace(
            pattern, id=f"r{number}", mac=Mac(number + 1), step=RebootStep.PENDING
        )
        for number in range(1500)
    }
    await restarted(world)
    await until(
        lambda: all(item.step is RebootStep.FAILED for item in world.reboot_store.kept.values())
    )


# --- saving --------------------------------------------------------------------------------------


async def test_the_store_keeps_the_last_step_though_an_earlier_save_was_slow() -> None:
    world = await World.make()
    device = await phone(world)
    world.reboot_store.slow = 2
    reboot = await fetched(world, device)
    await until(lambda: world.reboot_store.kept.get(reboot.id, reboot).step is RebootStep.FETCHED)
    await settle()
    assert world.reboot_store.kept[reboot.id].step is RebootStep.FETCHED
    order_of = list(RebootStep)
    places = [order_of.index(step) for _, step in world.reboot_store.puts]
    assert places == sorted(places)


async def test_a_store_that_fails_is_told_once_and_reboots_go_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.actions.followed.RETRY_S", 0.001)
    world = await World.make()
    devices = [await phone(world, number) for number in range(1, 6)]
    world.reboot_store.fails = True
    with caplog.at_level(logging.ERROR):
        ordered = order(world, *devices)
        await until(lambda: all(RebootStep.ANSWERED in steps(world, item) for item in ordered))
        await settle()
    assert len(caplog.records) == 1
    world.reboot_store.fails = False
    for device in devices:
        await world.fetch(device)
    await world.reboots.saved(5)
    assert {item.step for item in world.reboot_store.kept.values()} == {RebootStep.FETCHED}


# --- many ----------------------------------------------------------------------------------------


class Crowd(FakeEngine):
    """One registration for each extension, found by number."""

    by_extension: Mapping[str, Registration] = MappingProxyType({})

    def registrations(self, extension: str | None = None) -> tuple[Registration, ...]:
        return (self.by_extension[extension],) if extension in self.by_extension else ()


async def test_ten_thousand_reboots_leave_nothing_behind() -> None:
    world = await World.make()
    device = await world.device()
    targets = [
        Target(
            registration=registration(f"{20_000 + number}", phone=Mac(0x001565000001 + number)),
            device=replace(device, mac=Mac(0x001565000001 + number)),
        )
        for number in range(10_000)
    ]
    engine = Crowd()
    engine.by_extension = {item.registration.extension: item.registration for item in targets}
    world.engine = engine
    world.forget_listeners()
    world.assemble()
    ordered = world.reboots.order(targets, reason="r", asked_by="a", is_automatic=True)
    found = await world.reboots.wait_sent(ordered, 60)
    assert all(item.step is not RebootStep.PENDING for item in found)
    await until(lambda: not world.reboots._records.sent)
    assert len(world.reboots._records.followed) == 10_000
    world.clock.pass_s(301)
    world.reboots.sweep()
    await world.reboots.stop()
    followed = world.reboots._records.followed
    assert not followed._by_id
    assert not followed._by_phone
    assert not followed._by_extension
    assert not world.reboots._sending.running
    assert {item.step for item in world.reboots.latest().values()} == {RebootStep.NOT_FETCHED}
    assert {item.step for item in world.reboot_store.kept.values()} == {RebootStep.NOT_FETCHED}
    assert len(world.reboot_store.kept) == 10_000


async def test_secrets_stay_out_of_records_and_events() -> None:
    world = await World.make()
    await world.extensions.change_extension("test", "1001", secret="planted-secret-1")
    device = await phone(world)
    assert world.state.extensions["1001"].secret == Secret("planted-secret-1")
    reboot = await fetched(world, device)
    await settle()
    assert "planted-secret" not in repr(world.seen)
    assert "planted-secret" not in repr(world.reboot_store.kept)
    assert mac("001565120001") == device.mac
    assert last(world, reboot)
