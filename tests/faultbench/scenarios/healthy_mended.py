"""What was wrong and was mended: nothing of it may be told any more."""

from __future__ import annotations

import secrets
import sqlite3

from offhook.simulator.virtual_phone import VirtualPhone
from tests.faultbench.bench import Bench
from tests.faultbench.scenario import healthy


@healthy()
async def url_was_corrected(bench: Bench) -> str:
    mac = await bench.device("yealink")
    phone = bench.phone(mac)
    assert (await bench.get("{mac}.cfg", phone.user_agent)).status == 400
    bench.later(minutes=20)
    assert await phone.boot()
    return mac


@healthy()
async def file_of_another_system_was_asked_before(bench: Bench) -> str:
    mac = await bench.device("zultys")
    phone = bench.phone(mac, "zultys")
    assert (await bench.get("phone.cfg", phone.user_agent)).status == 404
    bench.later(minutes=20)
    assert await phone.boot()
    return mac


@healthy()
async def unknown_phone_was_registered(bench: Bench) -> str:
    phone = bench.phone("001565123457", "yealink")
    await phone.fetch_files()
    bench.later(minutes=5)
    await bench.device("yealink", mac="001565123457")
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def mistyped_mac_was_corrected(bench: Bench) -> str:
    await bench.device("polycom", mac="0004f2a1b2c3")
    phone = bench.phone("0004f2a1b23c", "polycom")
    await phone.fetch_files()
    bench.later(minutes=15)
    await bench.call("DELETE", "/api/provisioning/devices/0004f2a1b2c3")
    await bench.device("polycom", mac="0004f2a1b23c")
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def vendor_of_the_record_was_corrected(bench: Bench) -> str:
    mac = await bench.device("yealink", mac="0004f20a0b0c")
    phone = bench.phone(mac, "polycom")
    await phone.fetch_files()
    bench.later(minutes=5)
    await bench.call("DELETE", "/api/provisioning/devices/0004f20a0b0c")
    await bench.device("polycom", mac=mac)
    assert await phone.boot()
    return mac


@healthy()
async def model_of_the_record_was_corrected(bench: Bench) -> str:
    mac = await bench.device("yealink", model="t46s")
    phone = bench.phone(mac, "yealink", "t42s")
    await phone.boot()
    answer = await bench.call("PATCH", f"/api/provisioning/devices/{mac}", {"model": "t42s"})
    await bench.settled(answer["reboots"][0]["id"], "registered")
    return mac


@healthy()
async def missing_extension_was_added(bench: Bench) -> str:
    mac = await bench.device("yealink")

    def remove(database: sqlite3.Connection) -> None:
        database.execute("delete from extensions where number = '1001'")

    await bench.restart(remove)
    phone = bench.phone(mac)
    await phone.fetch_files()
    await bench.extension("1001", "Ada")
    bench.later(minutes=1)
    assert await phone.boot()
    return mac


@healthy()
async def site_template_was_removed(bench: Bench) -> str:
    mac = await bench.device("polycom")
    file = bench.folder / "templates" / "polycom" / "reg.cfg.j2"
    file.parent.mkdir(parents=True)
    file.write_text("<x>{{ colour }}</x>\n", encoding="utf-8")
    await bench.restart()
    phone = bench.phone(mac, "polycom")
    await phone.fetch_files()
    file.unlink()
    await bench.restart()
    bench.later(minutes=1)
    assert await phone.boot()
    return mac


@healthy()
async def phone_fetched_what_had_changed(bench: Bench) -> str:
    phone = await bench.well("yealink")
    await phone.sip.unregister()
    await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
    bench.later(hours=9)
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def silent_phone_registered_at_last(bench: Bench) -> str:
    mac = await bench.device("cisco")
    phone = bench.phone(mac, "cisco")
    await phone.fetch_files()
    bench.later(hours=1)
    assert await phone.register()
    return mac


@healthy()
async def phone_came_late(bench: Bench) -> str:
    mac = await bench.device("grandstream")
    bench.later(hours=5)
    assert await bench.phone(mac, "grandstream").boot()
    return mac


# --- the account ---------------------------------------------------------------------------------


async def _hand(bench: Bench) -> tuple[str, VirtualPhone]:
    phone = bench.phone(await bench.device("yealink"))
    await phone.fetch_files()
    return phone.mac.colons, phone


@healthy()
async def wrong_password_was_cleared(bench: Bench) -> str:
    mac, phone = await _hand(bench)
    status = await bench.register(bench.sip_phone(), "1001", "typed", mac=mac)
    assert status == 401
    bench.later(minutes=5)
    assert await phone.register()
    return mac


@healthy()
async def new_password_was_fetched(bench: Bench) -> str:
    phone = await bench.well("polycom")
    await phone.sip.unregister()
    await bench.call("PATCH", "/api/extensions/1001", {"secret": "Another9secret"})
    assert not await phone.register()
    bench.later(minutes=2)
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def wrong_user_and_names_were_cleared(bench: Bench) -> str:
    mac, phone = await _hand(bench)
    hand = await bench.by_hand()
    assert await hand.register(name="Ada") in (401, 403)
    assert await hand.register(realm="old-pbx") == 401
    await bench.register(bench.sip_phone(), "2001", "x", mac=mac)
    bench.later(minutes=5)
    assert await phone.register()
    return mac


@healthy()
async def account_without_a_user_was_switched_off(bench: Bench) -> str:
    phone = await bench.well("zultys")
    hand = await bench.by_hand()
    await hand.ask(hand.request(user=""))
    bench.later(minutes=2)
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def old_nonces_came_to_an_end(bench: Bench) -> str:
    mac, _ = await _hand(bench)
    hand = await bench.by_hand()
    for _ in range(5):
        await hand.ask(hand.request(hand.signature(secrets.token_hex(24))))
    bench.later(minutes=1)
    assert await hand.register() == 200
    return mac


@healthy()
async def storm_is_over(bench: Bench) -> str:
    phone = await bench.well("yealink")
    for _ in range(12):
        await phone.register()
    bench.later(minutes=30)
    assert await phone.register()
    return phone.mac.colons


@healthy()
async def transport_was_set_right(bench: Bench) -> str:
    mac = await bench.device("yealink")
    site = "/api/provisioning/settings/site"
    await bench.call("PATCH", site, {"transport": "tcp"})
    phone = bench.phone(mac)
    assert await phone.boot()
    await bench.call("PATCH", site, {"transport": None})
    bench.later(minutes=1)
    phone.sip.boot()
    assert await phone.boot()
    return mac


@healthy()
async def web_port_was_removed_from_the_settings(bench: Bench) -> str:
    key = "account.1.sip_server.1.port"
    mac = await bench.device("yealink", settings={key: "443"})
    phone = bench.phone(mac)
    await phone.fetch_files()
    url = f"/api/provisioning/devices/{mac}"
    await bench.call("PATCH", url, {"settings": {key: None}})
    bench.later(minutes=1)
    assert await phone.boot()
    return mac


@healthy()
async def unanswered_phone_was_plugged_in_again(bench: Bench) -> str:
    phone = await bench.well("polycom")
    phone.sip.is_silent = True
    answer = await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
    await bench.settled(answer["reboots"][0]["id"], "unanswered")
    phone.sip.is_silent = False
    bench.later(minutes=5)
    phone.sip.boot()
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def refusing_phone_was_restarted_by_hand(bench: Bench) -> str:
    phone = await bench.well("yealink")
    phone.sip.notify_status = 489
    answer = await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
    await bench.settled(answer["reboots"][0]["id"], "refused")
    bench.later(minutes=5)
    assert await phone.boot()
    return phone.mac.colons
