"""What became of orders: restarted elsewhere, ignored, no URL, no restart, nowhere to go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from offhook.core.events import Event, RebootAdvanced
from offhook.simulator.virtual_phone import VirtualPhone
from tests.faultbench.bench import Bench
from tests.faultbench.scenario import Act, healthy, scenario


async def _ordered(bench: Bench, number: str = "1001") -> Mapping[str, Any]:
    answer = await bench.call("POST", f"/api/phones/{number}/reboot")
    record: Mapping[str, Any] = answer["reboots"][0]
    return record


async def _unfetched(bench: Bench, order: Mapping[str, Any]) -> None:
    """Let the time pass in which a phone would have come for its file."""
    bench.later(minutes=6)
    await bench.settled(order["id"], "not_fetched")


def _ignores(phone: VirtualPhone) -> None:
    """Answer orders with 200, and do nothing."""
    phone.sip.on_notify = lambda event: None


async def _restart_elsewhere(phone: VirtualPhone) -> None:
    """Restart as a phone that gets its files from somebody else."""
    phone.sip.boot()
    assert await phone.register()


async def _renamed(bench: Bench) -> Mapping[str, Any]:
    """Change a name, which orders the phone to fetch; gives that order, answered."""
    await bench.call("PATCH", "/api/extensions/1001", {"name": "Grace Hopper"})
    [order] = (await bench.call("GET", "/api/reboots"))["reboots"]
    return await bench.settled(order["id"], "answered", "fetched", "registered")


# --- P316: restarted, and asked elsewhere --------------------------------------------------------


def _asks_elsewhere(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        bench.later(minutes=5)
        _ignores(phone)
        order = await _ordered(bench)
        await bench.settled(order["id"], "answered")
        await _restart_elsewhere(phone)
        await _unfetched(bench, order)
        return phone.mac.colons

    act.__name__ = f"{vendor}_restarts_and_asks_elsewhere"
    return act


for _vendor in ("yealink", "polycom", "cisco"):
    scenario("P316", r"registered anew as 1001 from udp:127\.0\.0\.1:\d+: it restarted")(
        _asks_elsewhere(_vendor)
    )


# --- P605, P606: answered, and nothing more ------------------------------------------------------


def _ignores_restart(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        _ignores(phone)
        await _unfetched(bench, await _ordered(bench))
        return phone.mac.colons

    act.__name__ = f"{vendor}_answers_an_order_and_ignores_it"
    return act


for _vendor in ("yealink", "zultys"):
    scenario("P605", r"NOTIFY check-sync;reboot=true .* answer 200 .* not_fetched")(
        _ignores_restart(_vendor)
    )


@scenario("P605", r"your settings say sip\.notify_reboot_enable = 2")
async def own_setting_makes_a_phone_ignore_orders(bench: Bench) -> str:
    settings = {"sip.notify_reboot_enable": "2"}
    mac = await bench.device("yealink", model="t46s", settings=settings)
    phone = bench.phone(mac, "yealink", "t46s")
    assert await phone.boot()
    assert phone.config["sip.notify_reboot_enable"] == "2"
    _ignores(phone)
    await _unfetched(bench, await _ordered(bench))
    return mac


def _resync_without_url(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        _ignores(phone)
        await _unfetched(bench, await _renamed(bench))
        return phone.mac.colons

    act.__name__ = f"{vendor}_resyncs_without_a_stored_url"
    return act


for _vendor in ("grandstream", "cisco"):
    scenario(
        "P606", r"NOTIFY resync .* answer 200 .* not_fetched", provisioning__on_change="resync"
    )(_resync_without_url(_vendor))


# --- P607, P318: fetched, and did not restart ----------------------------------------------------


def _fetches_only(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        bench.later(minutes=5)
        _ignores(phone)
        order = await _ordered(bench)
        await bench.settled(order["id"], "answered")
        await phone.fetch_files()
        bench.later(minutes=20)
        assert await phone.sip.refresh()
        return phone.mac.colons

    act.__name__ = f"{vendor}_fetches_and_does_not_restart"
    return act


scenario("P607", r"NOTIFY check-sync;reboot=true .* answer 200")(_fetches_only("grandstream"))
scenario("P607", r"NOTIFY reboot_now .* answer 200")(_fetches_only("cisco"))
scenario("P318", r"GET 0015650003e9\.cfg from .*, status 304")(_fetches_only("yealink"))
scenario("P318", r"GET 0003890003e9-reg\.cfg from .*, status 304")(_fetches_only("polycom"))


# --- P608: nowhere to go -------------------------------------------------------------------------


@scenario("P608", r"NOTIFY .* failed: the phone is not registered any more", reboot__per_second="2")
async def phone_signs_off_before_its_turn(bench: Bench) -> str:
    await bench.well("yealink", "1001", "127.0.0.2")
    phone = await bench.well("yealink", "1002", "127.0.0.3")
    # The second has to wait for its turn; in between it goes.
    told = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, RebootAdvanced) and event.reboot.mac == phone.mac:
            told.set()

    bench.pbx.events.subscribe(listen)
    ordering = asyncio.ensure_future(bench.call("POST", "/api/phones/reboot"))
    async with asyncio.timeout(10):
        await told.wait()
    await phone.sip.unregister()
    await ordering
    await bench.settled(bench.pbx.reboots.latest()[phone.mac].id, "failed")
    return phone.mac.colons


# --- nothing is wrong ----------------------------------------------------------------------------


def _obeys(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        order = await _ordered(bench)
        await bench.settled(order["id"], "registered")
        bench.later(minutes=20)
        assert await phone.sip.refresh()
        return phone.mac.colons

    act.__name__ = f"{vendor}_phone_obeys_and_comes_back"
    return act


for _vendor in ("yealink", "polycom", "cisco", "grandstream", "zultys"):
    healthy()(_obeys(_vendor))


@healthy()
async def phone_that_ignored_an_order_was_restarted_by_hand(bench: Bench) -> str:
    phone = await bench.well("yealink")
    _ignores(phone)
    await _unfetched(bench, await _ordered(bench))
    phone.sip.boot()
    assert await phone.boot()
    return phone.mac.colons


@healthy(provisioning__on_change="resync")
async def phone_takes_a_change_without_a_restart(bench: Bench) -> str:
    phone = await bench.well("grandstream")
    _ignores(phone)
    order = await _renamed(bench)
    await phone.fetch_files()
    bench.later(minutes=20)
    assert await phone.sip.refresh()
    await bench.settled(order["id"], "registered")
    return phone.mac.colons


@healthy()
async def phone_takes_a_change_and_needs_no_restart_for_it(bench: Bench) -> str:
    phone = await bench.well("yealink")
    _ignores(phone)
    await _renamed(bench)
    await phone.fetch_files()
    bench.later(minutes=20)
    assert await phone.sip.refresh()
    return phone.mac.colons


@healthy()
async def phone_fetches_long_before_it_restarts(bench: Bench) -> str:
    phone = await bench.well("polycom")
    _ignores(phone)
    order = await _ordered(bench)
    await bench.settled(order["id"], "answered")
    await phone.fetch_files()
    bench.later(minutes=3)
    assert await phone.sip.refresh()
    return phone.mac.colons


@healthy()
async def phone_registers_anew_after_its_network_was_away(bench: Bench) -> str:
    phone = await bench.well("yealink")
    bench.later(minutes=30)
    await _restart_elsewhere(phone)
    bench.later(minutes=20)
    assert await phone.sip.refresh()
    return phone.mac.colons
