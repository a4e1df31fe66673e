"""Two nodes and two Kamailio: a change is seen everywhere, and what one began the other ends."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.server import wait_for
from tests.e2e.site import NodeServer, Phone, Site, running_site, until
from tests.store_records import fresh_url

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.needs("kamailio")]

MACS = [f"0015650{number:05x}" for number in range(1, 301)]
TOLD = 24


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Both nodes, with 300 phones in the inventory."""
    folder = tmp_path_factory.mktemp("site")
    with (
        fresh_url(request, "postgresql", folder) as url,
        running_site(folder, url, per_second=10) as started,
    ):
        north = started.nodes[0]
        rows = [f"{mac},{_number(it)},Person {it},yealink,t46s" for it, mac in enumerate(MACS)]
        table = "\n".join(["mac,extension,name,vendor,model", *rows])
        told = north.api("POST", "/api/provisioning/devices/import", {"table": table})
        assert told["added"] == len(MACS)
        yield started


def _number(phone: int) -> str:
    """The extension of a phone."""
    return str(2000 + phone)


def test_what_one_node_changes_the_other_serves(site: Site) -> None:
    north, south = site.nodes
    south.add("1500", "Grace")
    wait_for(lambda: _has(north, "/api/extensions/1500"), 60, site.told)
    assert north.secret("1500") == south.secret("1500")
    wait_for(lambda: _file(south) == _file(north), 60, site.told)
    north.api("PATCH", f"/api/extensions/{_number(len(MACS) - 1)}", {"name": "Ada Lovelace"})
    wait_for(lambda: "Ada Lovelace" in _file(south), 60, site.told)
    south.call("DELETE", "/api/extensions/1500")
    wait_for(lambda: not _has(north, "/api/extensions/1500"), 60, site.told)


def _has(node: NodeServer, path: str) -> bool:
    return node.call("GET", path)[0] == 200


def _file(node: NodeServer) -> str:
    return node.fetch(f"{MACS[-1]}.cfg", "curl/8")[1]


# --- a boot storm --------------------------------------------------------------------------------


def test_a_node_killed_in_a_boot_storm_costs_no_phone_its_file(site: Site) -> None:
    victim, other = site.leader()
    phones = [Phone(mac, "", "", [victim, other]) for mac in MACS]
    before = _journalled(other)
    window = asyncio.run(_boot_storm(phones, victim))
    journalled = _journalled(other)
    journalled.subtract(before)
    expected = {phone.mac: other.fetch(f"{phone.mac}.cfg", "curl/8")[1] for phone in phones}
    assert {phone.mac: phone.body.decode() for phone in phones} == expected
    lost = 0
    for phone in phones:
        assert phone.answers.count(other.name) <= journalled[phone.mac] <= phone.asked, phone.mac
        lost += max(0, len(phone.answers) - journalled[phone.mac])
    assert lost <= window
    victim.start()
    site.wait_up()
    assert _journalled(victim) == _journalled(other)


async def _boot_storm(phones: list[Phone], victim: NodeServer) -> int:
    """Every phone fetches four times, fifty at a time; gives what the victim may have lost.

    That is what it says waits to be written, and what it answered between that and its end.
    """
    room = asyncio.Semaphore(50)

    async def boot(phone: Phone) -> None:
        for _ in range(4):
            async with room:
                await phone.fetch()

    def answered() -> int:
        return sum(phone.answers.count(victim.name) for phone in phones)

    async with asyncio.TaskGroup() as storm:
        for phone in phones:
            storm.create_task(boot(phone))
        await until(lambda: answered() >= 200, str)
        known = answered()
        waiting = await asyncio.to_thread(victim.metric, "offhook_journal_queue")
        await asyncio.to_thread(victim.kill)
    return waiting + answered() - known


def _journalled(node: NodeServer) -> Counter[str]:
    """How many requests of each phone the journal has; its total is true within a second."""
    rows: list[str] = []
    while True:
        page = node.api("GET", f"/api/provisioning/requests?limit=1000&offset={len(rows)}")
        rows += [it["mac_address"] for it in page["requests"]]
        if not page["requests"]:
            break
    wait_for(
        lambda: _total(node) == len(rows), 60, lambda: f"{_total(node)} told, {len(rows)} there"
    )
    return Counter(rows)


def _total(node: NodeServer) -> int:
    return int(node.api("GET", "/api/provisioning/requests?limit=1")["total"])


# --- orders --------------------------------------------------------------------------------------


def test_a_leader_killed_in_a_paced_reboot_leaves_no_phone_out(site: Site) -> None:
    leader, other = site.leader()
    asyncio.run(_told_all(site, leader, other, signal.SIGKILL))
    leader.kill()
    leader.start()
    site.wait_up()


def test_a_leader_that_stood_still_sends_nothing_twice(site: Site) -> None:
    leader, other = site.leader()
    asyncio.run(_told_all(site, leader, other, signal.SIGSTOP))
    site.wait_up()


async def _told_all(site: Site, leader: NodeServer, other: NodeServer, how: signal.Signals) -> None:
    """Tell all phones to restart, stop the leader in the middle, and look how each order ends."""
    phones = [
        Phone(MACS[it], _number(it), other.secret(_number(it)), site.nodes) for it in range(TOLD)
    ]
    for turn, phone in enumerate(phones):
        await phone.register(site.kamailios[turn % 2].port)
    for node in site.nodes:
        await until(partial(_knows, node, TOLD), site.told)
    asking = asyncio.ensure_future(asyncio.to_thread(_order_all, other))
    await until(lambda: sum(phone.notifies for phone in phones) >= TOLD // 4, site.told)
    leader.pause(how)
    if how is signal.SIGSTOP:
        await until(other.is_leading, site.told)
        leader.pause(signal.SIGCONT)
    ids = await asking
    assert len(ids) == TOLD
    await until(partial(_have_ended, other, ids), site.told)
    steps = {mac: other.reboot_step(item) for mac, item in ids.items()}
    for phone in phones:
        await phone.close()
        # What the killed node answered last is in no journal: then nothing proves the fetch.
        is_unproved = how is signal.SIGKILL and phone.answers[-1] == leader.name
        assert steps[phone.mac] in ("fetched", *["unanswered"] * is_unproved), site.told()
    wrong = [(phone.mac, phone.told()) for phone in phones if phone.notifies != 1]
    assert not wrong, site.told()
    if how is signal.SIGSTOP:
        await until(
            lambda: {leader.reboot_step(it) for it in ids.values()} == {"fetched"}, site.told
        )


def _knows(node: NodeServer, count: int) -> bool:
    return int(node.status()["registered"]) == count


def _order_all(node: NodeServer) -> dict[str, str]:
    """Order, and give the id of each phone's order."""
    told = node.api("POST", "/api/phones/reboot", {})
    return {item["mac_address"]: item["id"] for item in told["reboots"]}


def _have_ended(node: NodeServer, ids: dict[str, str]) -> bool:
    return {node.reboot_step(item) for item in ids.values()} <= {"fetched", "unanswered"}
