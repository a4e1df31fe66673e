"""baresip and linphonec, which are not ours, do with every engine what people do with phones."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.actions.ports import NotifyKind
from offhook.core.events import PhoneRegistered, PhoneUnregistered
from tests.integration.exchange import ENGINES, PROGRAMS, Exchange
from tests.integration.linphone import Linphone
from tests.integration.phones import DeskPhone

pytestmark = pytest.mark.needs(*PROGRAMS)
each_program = pytest.mark.parametrize("program", PROGRAMS)
each_pair = pytest.mark.parametrize(
    ("calling", "called"), [("baresip", "linphonec"), ("linphonec", "baresip")]
)
# A final answer that is not the challenge each call begins with.
FINAL = r"SIP/2\.0 (?!407)([3-6]\d\d) "


@pytest.fixture(params=ENGINES)
async def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Exchange]:
    async with request.param(tmp_path) as exchange:
        try:
            yield exchange
        finally:
            await exchange.clear()


async def final_of(caller: DeskPhone) -> int:
    """Wait for what the caller is told in the end."""
    return int((await caller.hears(FINAL))[1])


async def connect(caller: DeskPhone, callee: DeskPhone) -> None:
    """Have one phone call another until they talk."""
    await caller.call(callee.account.number)
    await callee.rings()
    await callee.accept()
    await callee.talks()
    await caller.talks()


async def part(one: DeskPhone, other: DeskPhone) -> None:
    """Have one phone hang up, and both notice."""
    await one.hang_up()
    await one.is_over()
    await other.is_over()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("baresip/udp", "baresip/udp"),
        ("baresip/udp", "linphonec/udp"),
        ("baresip/tcp", "linphonec/udp"),
        ("baresip/udp", "linphonec/tcp"),
        ("baresip/tls", "linphonec/udp"),
        ("baresip/tcp", "linphonec/tls"),
        ("baresip/tls", "baresip/tls"),
        ("linphonec/tls", "linphonec/tls"),
    ],
)
async def test_both_ways_and_either_hangs_up(exchange: Exchange, first: str, second: str) -> None:
    program, transport = first.split("/")
    one = await exchange.phone(program, "1001", transport)
    program, transport = second.split("/")
    other = await exchange.phone(program, "1002", transport)
    for caller, callee in [(one, other), (other, one)]:
        await connect(caller, callee)
        await part(caller, callee)
        await connect(caller, callee)
        await part(callee, caller)


@each_pair
async def test_a_caller_who_gives_up_stops_the_ringing(
    exchange: Exchange, calling: str, called: str
) -> None:
    caller = await exchange.phone(calling, "1001")
    callee = await exchange.phone(called, "1002")
    await caller.call("1002")
    await callee.rings()
    await caller.hang_up()
    await callee.is_over()
    assert await final_of(caller) == 487
    await connect(caller, callee)


@each_program
async def test_a_busy_phone_says_so(exchange: Exchange, program: str) -> None:
    caller = await exchange.phone("baresip", "1001")
    busy = await exchange.phone(program, "1002", lines=1)
    friend = await exchange.phone("linphonec", "1003")
    await connect(friend, busy)
    await caller.call("1002")
    assert await final_of(caller) == 486
    await part(friend, busy)


@each_pair
async def test_a_declined_call_is_over_for_both(
    exchange: Exchange, calling: str, called: str
) -> None:
    caller = await exchange.phone(calling, "1001")
    callee = await exchange.phone(called, "1002")
    await caller.call("1002")
    await callee.rings()
    await callee.hang_up()
    # What the key means differs: baresip says that it is busy, linphonec that it declines.
    assert await final_of(caller) == {"baresip": 486, "linphonec": 603}[called]
    await caller.is_over()
    await callee.is_over()


@each_program
async def test_nobody_answers(exchange: Exchange, program: str) -> None:
    caller = await exchange.phone("baresip", "1001")
    callee = await exchange.phone(program, "1002", rings_s=1)
    await caller.call("1002")
    await callee.rings()
    assert await final_of(caller) in (408, 480, 486, 603)
    await caller.is_over()
    await callee.is_over()


@each_program
async def test_a_number_nobody_has(exchange: Exchange, program: str) -> None:
    caller = await exchange.phone(program, "1001")
    await caller.call("1999")
    assert await final_of(caller) == 404
    await caller.is_over()


@each_program
async def test_a_phone_that_is_off(exchange: Exchange, program: str) -> None:
    caller = await exchange.phone(program, "1001")
    callee = await exchange.phone("baresip", "1002")
    # Kamailio tells of it later: a phone that left before that was never there for Offhook.
    await exchange.room.wait(PhoneRegistered, 2)
    await callee.stop()
    await exchange.room.wait(PhoneUnregistered)
    await caller.call("1002")
    assert await final_of(caller) == 480
    await caller.is_over()


@pytest.mark.parametrize("quick", [0, 1], ids=PROGRAMS)
async def test_two_phones_of_an_extension_ring_and_one_answers(
    exchange: Exchange, quick: int
) -> None:
    caller = await exchange.phone("baresip", "1001")
    desks = [
        await exchange.phone("baresip", "1002"),
        await exchange.phone("linphonec", "1002", "tcp"),
    ]
    await caller.call("1002")
    for desk in desks:
        await desk.rings()
    answers, other = desks[quick], desks[1 - quick]
    await answers.accept()
    await caller.talks()
    await answers.talks()
    # RFC 3326 §3.1: without this reason the phone lists the call as missed.
    await other.hears(
        r'CANCEL sip:[\s\S]*?Reason: SIP ?; ?cause=200 ?; ?text="Call completed elsew'
    )
    await other.is_over()
    await part(caller, answers)


@each_program
async def test_a_phone_that_moved_is_found_at_its_new_address(
    exchange: Exchange, program: str
) -> None:
    caller = await exchange.phone("baresip", "1001")
    before = await exchange.phone(program, "1002")
    await connect(caller, before)
    await part(caller, before)
    await before.stop(signal.SIGKILL)  # it did not say goodbye: its cable was moved
    after = await exchange.phone(program, "1002", address="127.0.0.2")
    await caller.call("1002")
    await after.rings()
    await after.accept()
    await caller.talks()
    await part(after, caller)


@each_program
async def test_a_notify_follows_a_phone_that_moved(exchange: Exchange, program: str) -> None:
    before = await exchange.phone(program, "1002")
    await exchange.room.wait(PhoneRegistered)
    await before.stop()
    await exchange.room.wait(PhoneUnregistered)
    after = await exchange.phone(program, "1002", address="127.0.0.2")
    await exchange.room.wait(PhoneRegistered, 2)
    outcome = await exchange.notify("1002")
    await after.hears("NOTIFY sip:")
    # Measured: baresip has no such subscription, linphonec takes any event and does nothing.
    assert (outcome.kind, outcome.code) == {
        "baresip": (NotifyKind.REFUSED, 481),
        "linphonec": (NotifyKind.ACCEPTED, 200),
    }[program]


@each_pair
async def test_a_call_is_held_and_taken_back(exchange: Exchange, calling: str, called: str) -> None:
    caller = await exchange.phone(calling, "1001")
    callee = await exchange.phone(called, "1002")
    await connect(caller, callee)
    for one, other in [(caller, callee), (callee, caller)]:
        await one.hold()
        await other.hears(r"INVITE sip:[\s\S]*?a=(sendonly|inactive)[\s\S]*?ACK sip:")
        await one.resume()
        again = await other.hears(r"INVITE sip:[\s\S]*?ACK sip:")
        assert "a=sendonly" not in again[0]
    await part(caller, callee)


@each_program
async def test_a_call_survives_that_a_phone_registers_again(
    exchange: Exchange, program: str
) -> None:
    caller = await exchange.phone(program, "1001")
    callee = await exchange.phone("linphonec", "1002")
    assert isinstance(callee, Linphone)
    await connect(caller, callee)
    await callee.register_again()
    await exchange.room.wait(PhoneRegistered, 3)
    await caller.hold()
    await callee.hears("ACK sip:")
    await part(caller, callee)
