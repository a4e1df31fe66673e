"""The product as a whole: two real phones, each set up by the file served for it, talk.

With both engines: the embedded one, and Kamailio as our command configures it.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import OFFHOOK, Server, wait_for
from tests.integration.accounts import Account, read_account
from tests.integration.exchange import PROGRAMS
from tests.integration.kamailio import Kamailio, free_ports, make_cluster
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


KAMAILIO = """\
sip:
  engine: kamailio
  kamailio:
    database: sqlite:///data/kamailio
    nodes: [{{rpc: "{rpc}", events: "{events}"}}]
"""


@pytest.fixture
async def kamailio() -> AsyncIterator[Kamailio]:
    """A node that is not started yet; its ports are free."""
    kamailio = Kamailio(make_cluster("sqlite:///unused"))
    yield kamailio
    await kamailio.stop()


async def start_with_kamailio(server: Server, kamailio: Kamailio) -> None:
    """Go the way of docs/sip.md: settings, configuration by our command, Kamailio, Offhook."""
    node, config = kamailio.node, server.folder / "kamailio.cfg"
    text = server.config.read_text(encoding="utf-8")
    more = KAMAILIO.format(rpc=node.rpc, events=node.events)
    server.config.write_text(text + more, encoding="utf-8")
    command = (str(OFFHOOK), "engine", "kamailio-config", "--config", str(server.config))
    await asked(_succeeds, *command, "--output", str(config))
    await asked(_succeeds, "kamailio", "-c", "-f", str(config))
    await kamailio.start_with(config)
    await asked(server.start)


def _succeeds(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
    await set_up(server, tmp_path, phones, (first, second))
    await call_both_ways(phones)
    # The name people read on the other telephone is the one the API was given.
    await phones[1].said("Zoë O'Neil")
    await phones[0].said("Ada Ray")


@pytest.fixture
async def office(tmp_path: Path, kamailio: Kamailio) -> AsyncIterator[Server]:
    """Offhook, not started yet, with the SIP port that Kamailio will have."""
    folder = tmp_path / "pbx"
    folder.mkdir()
    server = Server(folder, http_port=free_ports(1)[0], sip_port=kamailio.port)
    yield server
    await asked(server.stop)


@pytest.mark.needs("kamailio")
async def test_the_same_with_kamailio_and_a_new_name_reaches_the_phone(
    office: Server, kamailio: Kamailio, tmp_path: Path, phones: list[DeskPhone]
) -> None:
    await start_with_kamailio(office, kamailio)
    await set_up(office, tmp_path, phones, ("baresip/yealink", "baresip/grandstream"))
    await call_both_ways(phones)
    await phones[1].said("Zoë O'Neil")
    await phones[0].said("Ada Ray")
    assert (await asked(office.api, "GET", "/api/status"))["registered"] == 2

    changed = await asked(office.api, "PATCH", "/api/extensions/1001", {"name": "Zoë Neal"})

    await phones[0].hears(r"NOTIFY sip:1001\S* SIP/2\.0[\s\S]*?Event: check-sync")
    (reboot,) = changed["reboots"]

    # baresip knows no check-sync: 481 says that it read the NOTIFY and has no subscription.
    def is_refused() -> bool:
        return office.reboot_step(reboot["id"]) == "refused"

    await asked(wait_for, is_refused, 20, office.log)
    _, text = await asked(office.fetch, DESKS["yealink"][2], DESKS["yealink"][3])
    assert read_account("yealink", text.encode()).display_name == "Zoë Neal"
    await asked(office.stop)
    await call_both_ways(phones)  # without Offhook


@pytest.mark.needs("kamailio")
async def test_moving_to_kamailio_changes_no_phone(
    office: Server, kamailio: Kamailio, tmp_path: Path, phones: list[DeskPhone]
) -> None:
    await asked(office.start)
    accounts = [
        await served(office, "yealink", "1001", "Zoë O'Neil"),
        await served(office, "grandstream", "1002", "Ada Ray"),
    ]
    before = [await asked(office.fetch, *DESKS[it][2:]) for it in ("yealink", "grandstream")]
    await asked(office.stop)

    await start_with_kamailio(office, kamailio)

    after = [await asked(office.fetch, *DESKS[it][2:]) for it in ("yealink", "grandstream")]
    assert after == before
    for account in accounts:
        phone = PROGRAMS["baresip"]()
        phones.append(phone)
        await phone.begin(account, tmp_path / account.number)
        await phone.registers()
    await call_both_ways(phones)


async def test_phones_that_are_told_a_name_instead_of_an_address_call_by_it(
    tmp_path: Path, phones: list[DeskPhone]
) -> None:
    folder = tmp_path / "pbx"
    folder.mkdir()
    server = Server(folder)
    text = server.config.read_text(encoding="utf-8")
    named = text.replace("external_ip: 127.0.0.1", "external_ip: localhost")
    server.config.write_text(named, encoding="utf-8")
    try:
        await asked(server.start)
        await set_up(server, tmp_path, phones, ("linphonec/yealink", "linphonec/grandstream"))
        assert {phone.account.server for phone in phones} == {"localhost"}
        await call_both_ways(phones)
        assert "Record-Route: <sip:localhost:" in phones[1].log
    finally:
        await asked(server.stop)


async def set_up(
    server: Server, folder: Path, phones: list[DeskPhone], desks: tuple[str, str]
) -> None:
    """Put two phones on desks: extensions, devices, files, phones that register with these."""
    names = ("Zoë O'Neil", "Ada Ray")
    for number, (desk, name) in enumerate(zip(desks, names, strict=True), 1001):
        program, vendor = desk.split("/")
        account = await served(server, vendor, str(number), name)
        assert account.display_name == name
        phone = PROGRAMS[program]()
        phones.append(phone)
        await phone.begin(account, folder / desk)
        await phone.registers()


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
