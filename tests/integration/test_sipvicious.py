"""SIPVicious against every engine: it learns nothing, finds nothing, and harms no phone."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.exchange import ENGINES, Exchange
from tests.integration.phones import Baresip, DeskPhone, ForeignPhone
from tests.integration.strange import METHODS, Stranger, blank, probes

pytestmark = pytest.mark.needs("svmap", "svwar", "svcrack", "baresip")

# 1001 is registered, 1002 and 1003 are not; the others have no secret, which is how an engine sees
# a disabled extension and one that never was.
EXTENSIONS = ("1001", "1002", "1003", "1004", "1005")


@pytest.fixture(params=ENGINES)
async def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Exchange]:
    async with request.param(tmp_path) as exchange:
        try:
            yield exchange
        finally:
            await exchange.clear()


async def attack(program: str, exchange: Exchange, *options: str) -> str:
    """Run one of its programs to the end; gives what it printed."""
    tool = ForeignPhone()
    port = str(exchange.ports["udp"])
    try:
        await tool.run(program, *options, "-p", port, "127.0.0.1", directory=exchange.folder)
        await tool.ended(timeout_s=60.0)
    finally:
        await tool.stop()
    return tool.log


async def call(exchange: Exchange) -> None:
    """1001, behind the attacker's address, calls 1002 at another."""
    caller, callee = exchange.phones
    await caller.call("1002")
    await callee.rings()
    await callee.accept()
    await callee.talks()
    await caller.talks()
    await caller.hang_up()
    await callee.is_over()
    await caller.is_over()


async def test_scanners_see_that_something_answers_and_no_more(exchange: Exchange) -> None:
    await exchange.phone("baresip", "1001")
    scans = [
        attack("svwar", exchange, "-e", "1001-1005", "--force", "-m", method)
        for method in ("REGISTER", "OPTIONS", "INVITE")
    ]
    devices, *extensions = await asyncio.gather(attack("svmap", exchange), *scans)
    rows = re.findall(r"^\| 127\.0\.0\.1:\d+ +\| (.*?) +\|$", devices, re.MULTILINE)
    assert len(rows) == 1, devices
    assert not re.search(r"\d", rows[0]), "a version is told"
    assert not any(number in devices for number in EXTENSIONS)
    for log in extensions:
        assert "Traceback" not in log
        told = {number for number in EXTENSIONS if re.search(rf"^\| {number} ", log, re.MULTILINE)}
        assert told in (set(), set(EXTENSIONS)), log


async def test_every_extension_gets_the_same_octets(exchange: Exchange) -> None:
    """Known and unknown, registered and not: without credentials, and with wrong ones."""
    await exchange.phone("baresip", "1001")
    for at, method in enumerate(METHODS, 1):
        told: dict[str, list[bytes]] = {}
        with Stranger(f"127.0.1.{at}", exchange.ports["udp"]) as stranger:
            for number in EXTENSIONS:
                answers = [await stranger.ask(data) for data in probes(method, number)]
                answers.append(await stranger.guess(method, number, "guess"))
                told[number] = [blank(answer, number) for answer in answers]
        assert all(told["1001"])
        assert told == dict.fromkeys(EXTENSIONS, told["1001"]), method


async def crack(exchange: Exchange, number: str, words: list[str]) -> str:
    """Let svcrack try these passwords until it has one or none is left; gives what it said."""
    dictionary = exchange.folder / "words"
    dictionary.write_text("\n".join(words) + "\n")
    tool = ForeignPhone()
    port = str(exchange.ports["udp"])
    options = ("-v", "-u", number, "-d", str(dictionary), "-p", port, "127.0.0.1")
    try:
        await tool.run("svcrack", *options, directory=exchange.folder)
        await tool.said("no more passwords|The password for", timeout_s=60.0)
    finally:
        await tool.stop()
    return tool.log


async def register_again(phone: DeskPhone) -> None:
    """Register the same account anew over the same socket; baresip has no other button for it."""
    assert isinstance(phone, Baresip)
    account = phone.account
    place = f"sip:{account.number}@{account.server}:{account.port};transport=udp"
    await phone.command("uanew", f"<{place}>;auth_pass={account.secret};regint=120")
    await phone.registers()


def guesses(count: int) -> list[str]:
    return [secrets.token_urlsafe(12) for _ in range(count)]


async def test_svcrack_finds_no_password_and_the_phones_go_on(exchange: Exchange) -> None:
    """The right word is among them: only the throttle keeps svcrack from it."""
    await exchange.phone("baresip", "1001")
    await exchange.phone("baresip", "1002", address="127.0.0.2")
    words = [*guesses(100), "secret1001", *guesses(50)]
    cracking = asyncio.ensure_future(crack(exchange, "1001", words))
    await call(exchange)
    assert "The password for" not in await cracking
    await call(exchange)
    for phone in exchange.phones:
        await register_again(phone)


async def test_svcrack_finds_a_password_among_its_first_guesses(exchange: Exchange) -> None:
    """So the test above can fail."""
    log = await crack(exchange, "1002", [*guesses(3), "secret1002", *guesses(3)])
    assert "The password for 1002 is secret1002" in log
