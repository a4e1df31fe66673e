"""The list of phones: kept orders stay true while the inventory changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.actions.fleet import Fleet, Judged
from offhook.actions.phone_list import SORTS, PhoneList, PhoneQuery, foremost
from offhook.core.mac import Mac
from offhook.core.model import Sighting
from offhook.diagnosis.finding import Finding, Severity, Stage
from tests.world import World

FIRST = 0x001565000001
NUMBERS = ("1001", "1002", "9", "10010")


def finding(code: str, severity: Severity = Severity.ERROR, **more: bool) -> Finding:
    return Finding(
        code=code,
        name="name",
        severity=severity,
        stage=Stage.REGISTERED,
        subject="subject",
        message="message",
        **more,  # type: ignore[arg-type] # flags only
    )


async def listed(*numbers: str) -> tuple[World, PhoneList]:
    """A world with a phone for each number, and a list that hears of its changes."""
    world = await World.make(*numbers)
    phones = PhoneList(state=world.state, fleet=Fleet(state=world.state, diagnose=world.diagnose))
    world.events.subscribe(phones.on_event)
    for place, number in enumerate(numbers):
        await world.device(f"{FIRST + place:012x}", lines=(number,))
    return world, phones


async def numbers(phones: PhoneList, query: PhoneQuery) -> list[str]:
    return [device.extension for device in await phones.find(query)]


async def test_numbers_are_in_the_order_of_counting() -> None:
    _, phones = await listed(*NUMBERS)
    assert await numbers(phones, PhoneQuery()) == ["9", "1001", "1002", "10010"]
    down = PhoneQuery(is_descending=True)
    assert await numbers(phones, down) == ["10010", "1002", "1001", "9"]


async def test_a_changed_name_moves_its_phone() -> None:
    world, phones = await listed(*NUMBERS)
    await numbers(phones, PhoneQuery(sort="name"))
    await world.extensions.change_extension("test", "1001", name="Zoë")
    assert (await numbers(phones, PhoneQuery(sort="name")))[-1] == "1001"
    assert await numbers(phones, PhoneQuery(text="ZOË")) == ["1001"]


async def test_a_deleted_phone_is_gone_and_a_new_one_there() -> None:
    world, phones = await listed(*NUMBERS)
    await numbers(phones, PhoneQuery())
    await world.devices.delete_device("test", f"{FIRST:012x}")
    await world.device("001565aaaaaa", lines=("1001",))
    found = await phones.find(PhoneQuery(sort="mac"))
    assert [device.mac.plain for device in found][-1] == "001565aaaaaa"
    assert len(found) == 4


async def test_what_changed_unheard_is_seen_by_the_count() -> None:
    world, phones = await listed("1001", "1002")
    await numbers(phones, PhoneQuery())
    del world.state.devices[Mac(FIRST)]
    assert await numbers(phones, PhoneQuery()) == ["1002"]


async def test_contact_firmware_and_address_are_of_the_moment() -> None:
    world, phones = await listed("1001", "1002")
    for place, hours in ((0, 1), (1, 2)):
        mac = Mac(FIRST + place)
        world.state.sightings[mac] = Sighting(
            mac=mac,
            address=f"192.0.2.{place + 1}",
            firmware=f"6{9 - place}.1",
            last_contact=world.clock.now() - timedelta(hours=hours),
        )
    assert await numbers(phones, PhoneQuery(sort="contact")) == ["1002", "1001"]
    assert await numbers(phones, PhoneQuery(sort="firmware")) == ["1002", "1001"]
    assert await numbers(phones, PhoneQuery(text="192.0.2.2")) == ["1002"]


async def test_the_worst_stand_first_by_standing() -> None:
    world, phones = await listed("1001", "1002", "1003")
    now = world.clock.now()
    judged = phones.fleet._judged
    for place, found in enumerate(((), (finding("P401"),), (finding("P310", Severity.WARNING),))):
        judged[Mac(FIRST + place)] = Judged(Stage.REGISTERED, found, now)
    assert await numbers(phones, PhoneQuery(sort="standing")) == ["1002", "1003", "1001"]
    choices = await phones.choices()
    assert choices.standings == {"right": 1, "needs_you": 2}
    assert choices.problems == {"P310": 1, "P401": 1}
    assert choices.vendors == {"yealink": 3}


async def test_phones_are_chosen_by_problem_and_stage() -> None:
    _, phones = await listed("1001", "1002")
    assert await numbers(phones, PhoneQuery(standing="on_the_way", stage="setup")) == NUMBERS_SEEN
    assert await numbers(phones, PhoneQuery(problem="P701")) == []
    assert await numbers(phones, PhoneQuery(standing="right")) == []


NUMBERS_SEEN = ["1001", "1002"]


@pytest.mark.parametrize("sort", SORTS)
async def test_no_phone_at_all_is_an_empty_list(sort: str) -> None:
    _, phones = await listed()
    assert await phones.find(PhoneQuery(sort=sort, text="x")) == []


_STEPS = st.lists(
    st.tuples(st.sampled_from(("name", "delete", "add")), st.integers(0, 5), st.text(max_size=3)),
    max_size=12,
)


@given(_STEPS)
@settings(max_examples=12, deadline=None)
def test_kept_orders_are_those_of_a_fresh_list(steps: list[tuple[str, int, str]]) -> None:
    async def play() -> None:
        world, phones = await listed("1", "2", "3", "4", "5", "6")
        for what, place, text in steps:
            mac = Mac(FIRST + place)
            if what == "name":
                number = str(place + 1)
                name = f"n{text.encode().hex()}"
                await world.extensions.change_extension("test", number, name=name)
            elif what == "delete" and mac in world.state.devices:
                await world.devices.delete_device("test", mac.plain)
            elif what == "add":
                await world.device(mac.plain, lines=(str(place + 1),))
            for sort in ("extension", "name", "mac", "model"):
                fresh = PhoneList(state=world.state, fleet=phones.fleet)
                query = PhoneQuery(sort=sort)
                assert await phones.find(query) == await fresh.find(query)

    asyncio.run(play())


def test_a_cause_is_named_before_what_follows_from_it() -> None:
    follows, general, cause = finding("P401"), finding("P309"), finding("P902")
    general = replace(general, is_general=True)
    cause = replace(cause, explains=("P401",))
    assert foremost([follows, general, cause]) == cause
    assert foremost([general, follows]) == follows
    assert foremost([]) is None
