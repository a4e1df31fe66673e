"""The product as a whole: two real phones, each set up by the file served for it, talk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.integration.accounts import Account, read_account
from tests.integration.exchange import PROGRAMS
from tests.integration.phones import DeskPhone

pytestmark = pytest.mark.needs(*PROGRAMS)

# Maker, model, MAC, the file its phones ask for, and how they say who they are.
DESKS = {
    "yealink": ("t46s", "001565123456", "001565123456.cfg", "Yealink SIP-T46S 66.85.0.15"),
    "grandstream": (
        "gxp2170",
        "000b8240d55c",
        "cfg000b8240d55c.xml",
        "Grandstream Model HW GXP2170 SW 1.0.11.64 DevId 000b8240d55c",
    ),
    "cisco": ("cp8841", "00562b043615", "00:56:2b:04:36:15.xml", "Cisco-CP-8841-3PCC/11.0.1"),
    "polycom": ("vvx450", "64167f123456", "64167f123456-reg.cfg", "PolycomVVX-VVX_450-UA/6.4.4"),
    "zultys": ("zip37g", "00806e123456", "00806e123456.cfg", "Zultys ZIP37G 47.85.0.18"),
}


async def asked(call: Callable[..., Any], *arguments: object) -> Any:
    """Run a blocking call beside the phones, which live in this loop."""
    return await asyncio.to_thread(call, *arguments)


async def served(server: Server, vendor: str, number: str, name: str) -> Account:
    """Add an extension with a device, and read the account from the file its phone gets."""
    model, mac, file, agent = DESKS[vendor]
    await asked(server.add, number, name)
    await asked(server.add_device, mac, number, vendor, model)
    status, text = await asked(server.fetch, file, agent)
    assert status == 200, (file, text, await asked(server.log))
    return read_account(vendor, text.encode())


@pytest.fixture
async def phones() -> AsyncIterator[list[DeskPhone]]:
    phones: list[DeskPhone] = []
    yield phones
    for phone in phones:
        await phone.stop()


async def call_both_ways(phones: list[DeskPhone]) -> None:
    for caller, callee in (phones, reversed(phones)):
        await caller.call(callee.account.number)
        await callee.rings()
        await callee.accept()
        await callee.talks()
        await caller.talks()
        await caller.hang_up()
        await caller.is_over()
        await callee.is_over()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("baresip/yealink", "baresip/grandstream"),
        ("baresip/cisco", "linphonec/polycom"),
        ("linphonec/zultys", "baresip/yealink"),
    ],
)
async def test_two_phones_set_up_by_their_served_files_call_each_other(
    server: Server, tmp_path: Path, phones: list[DeskPhone], first: str, second: str
) -> None:
    for number, (desk, name) in enumerate([(first, "Zoë O'Neil"), (second, "Ada Ray")], 1001):
        program, vendor = desk.split("/")
        account = await served(server, vendor, str(number), name)
        assert account.display_name == name
        phone = PROGRAMS[program]()
        phones.append(phone)
        await phone.begin(account, tmp_path / desk)
        await phone.registers()
    await call_both_ways(phones)
    # The name people read on the other telephone is the one the API was given.
    await phones[1].said("Zoë O'Neil")
    await phones[0].said("Ada Ray")


async def test_a_phone_with_the_file_of_before_a_new_secret_does_not_register(
    server: Server, tmp_path: Path, phones: list[DeskPhone]
) -> None:
    account = await served(server, "yealink", "1001", "John Smith")
    await asked(server.api, "PATCH", "/api/extensions/1001", {"secret": "another-secret-9"})
    phone = PROGRAMS["baresip"]()
    phones.append(phone)
    await phone.begin(account, tmp_path / "late")
    await phone.hears(r"401 Unauthorized[\s\S]*?Authorization: Digest[\s\S]*?SIP/2\.0 40[13] ")
    assert (await asked(server.api, "GET", "/api/status"))["registered"] == 0
