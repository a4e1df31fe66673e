"""Nothing is wrong: phones that refresh, move, obey, share an extension, or need no account."""

from __future__ import annotations

import asyncio

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import Act, healthy
from tests.integration.sip_by_hand import HandPhone

_FILE = {"integrations__file__enabled": "true", "integrations__file__path": "people.csv"}


def _obeys(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        answer = await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
        await bench.settled(answer["reboots"][0]["id"], "registered")
        return phone.mac.colons

    act.__name__ = f"{vendor}_obeys_after_a_change"
    return act


for _vendor in ("yealink", "polycom", "cisco", "grandstream", "zultys"):
    healthy()(_obeys(_vendor))


@healthy()
async def phone_obeys_an_order_by_hand(bench: Bench) -> str:
    phone = await bench.well("cisco")
    answer = await bench.call("POST", "/api/phones/1001/reboot")
    record = await bench.settled(answer["reboots"][0]["id"], "registered")
    assert record["was_challenged"]
    return phone.mac.colons


@healthy()
async def password_is_changed_and_the_phone_follows(bench: Bench) -> str:
    phone = await bench.well("grandstream")
    body = {"secret": "Another9secret"}
    answer = await bench.call("PATCH", "/api/extensions/1001", body)
    await bench.settled(answer["reboots"][0]["id"], "registered")
    return phone.mac.colons


@healthy()
async def phone_refreshes_for_a_day(bench: Bench) -> str:
    phone = await bench.well("yealink")
    for _ in range(26):
        bench.later(minutes=55)
        assert await phone.register()
    return phone.mac.colons


@healthy()
async def phone_refreshes_twice_in_a_short_lifetime(bench: Bench) -> str:
    await bench.extension()
    phone = bench.sip_phone()
    secret = await bench.secret("1001")
    for _ in range(12):
        assert await bench.register(phone, "1001", secret, expires_s=60) == 200
        bench.later(seconds=30)
    return "1001"


@healthy()
async def phone_boots_three_times_in_a_row(bench: Bench) -> str:
    phone = await bench.well("polycom")
    for _ in range(3):
        bench.later(minutes=1)
        phone.sip.boot()
        assert await phone.boot()
    return phone.mac.colons


@healthy()
async def phone_registers_again_from_a_new_port(bench: Bench) -> str:
    phone = await bench.well("yealink")
    await phone.sip.unregister()
    secret = await bench.secret("1001")
    assert await bench.register(bench.sip_phone(), "1001", secret, mac=phone.mac.colons) == 200
    return phone.mac.colons


@healthy()
async def phone_moves_to_another_address(bench: Bench) -> str:
    phone = await bench.well("polycom", address="127.0.3.11")
    moved = bench.phone(phone.mac.plain, "polycom", address="127.0.3.12")
    phone.die()
    bench.later(minutes=5)
    assert await moved.boot()
    return phone.mac.colons


@healthy()
async def reboot_is_in_progress(bench: Bench) -> str:
    phone = await bench.well("yealink")
    phone.sip.on_notify = lambda event: None  # it is starting
    answer = await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
    await bench.settled(answer["reboots"][0]["id"], "answered")
    bench.later(minutes=2)
    await phone.fetch_files()
    assert await phone.register()
    return phone.mac.colons


@healthy()
async def two_phones_share_an_extension(bench: Bench) -> str:
    first = await bench.well("yealink", address="127.0.3.21")
    mac = await bench.device("polycom", "1001")
    assert await bench.phone(mac, "polycom", address="127.0.3.22").boot()
    del first
    return "1001"


@healthy()
async def softphone_has_no_device(bench: Bench) -> str:
    secret = await bench.extension()
    phone = bench.sip_phone()
    for _ in range(3):
        assert await bench.register(phone, "1001", secret, agent="Linphone/5.2") == 200
        bench.later(minutes=40)
    return "1001"


@healthy()
async def softphone_stands_beside_a_desk_phone(bench: Bench) -> str:
    phone = await bench.well("zultys")
    secret = await bench.secret("1001")
    assert await bench.register(bench.sip_phone(), "1001", secret, agent="Linphone/5.2") == 200
    return phone.mac.colons


@healthy(**_FILE)
async def extension_is_disabled_by_the_directory(bench: Bench) -> str:
    people = bench.folder / "people.csv"
    rows = ["id,name,number,email", "jane,Jane Doe,2001,", "joe,Joe Roe,2002,", ""]
    people.write_text("\n".join(rows), encoding="utf-8")
    await bench.call("POST", "/api/integrations/file/sync", {})
    phone = await bench.well("yealink", "2001")
    people.write_text("\n".join((rows[0], rows[2], "")), encoding="utf-8")
    report = await bench.call("POST", "/api/integrations/file/sync", {})
    assert report["status"] == "ok", report
    bench.later(minutes=1)
    await phone.fetch_files()
    bench.later(hours=3)
    return phone.mac.colons


@healthy()
async def phone_registers_over_tcp_as_its_file_says(bench: Bench) -> str:
    mac = await bench.device("yealink", settings={"transport": "tcp"})
    await bench.phone(mac).fetch_files()
    hand = await bench.by_hand(user_agent="Yealink SIP-T46S 66.86.0.15")
    hand.contact = f"sip:1001@{hand.place};transport=tcp"
    assert await hand.register_over_tcp() == 200
    return mac


@healthy()
async def phone_without_rport_hears_us_at_its_port(bench: Bench) -> str:
    mac = await bench.device("cisco")
    await bench.phone(mac, "cisco").fetch_files()
    hand = await bench.by_hand(rport="", user_agent="Cisco-CP-8841-3PCC/11.3.1")
    for _ in range(3):
        assert await hand.register() == 200
        bench.later(minutes=20)
    return mac


async def _pair(bench: Bench) -> tuple[str, HandPhone, HandPhone]:
    mac = await bench.device("yealink")
    await bench.phone(mac).fetch_files()
    phone = await bench.by_hand(user_agent="Yealink SIP-T46S 66.86.0.15")
    await bench.extension("1002", "Bob")
    caller = await bench.by_hand("1002")
    assert (await phone.register(), await caller.register()) == (200, 200)
    return mac, phone, caller


def _ends_a_call(status: int, reason: str) -> Act:
    async def act(bench: Bench) -> str:
        mac, phone, caller = await _pair(bench)
        async with asyncio.TaskGroup() as group:
            group.create_task(phone.refuse(status, reason))
            call = group.create_task(caller.call("1001"))
        assert call.result() == status
        return mac

    act.__name__ = f"phone_answers_a_call_{reason.lower().replace(' ', '_')}"
    return act


for _status, _reason in ((486, "Busy Here"), (603, "Decline")):
    healthy()(_ends_a_call(_status, _reason))


@healthy()
async def stranger_guesses_the_extensions_password(bench: Bench) -> str:
    phone = await bench.well("yealink")
    for secret in ("1001", "1234", "password"):
        await bench.register(
            bench.sip_phone("127.0.3.66"), "1001", secret, agent="friendly-scanner"
        )
    return phone.mac.colons


@healthy()
async def stranger_searches_for_extensions(bench: Bench) -> str:
    phone = await bench.well("polycom", address="127.0.3.67")
    for number in ("100", "101", "admin", "2000"):
        await bench.register(bench.sip_phone("127.0.3.67"), number, "x", agent="friendly-scanner")
    return phone.mac.colons


@healthy()
async def server_is_restarted_and_the_phone_refreshes(bench: Bench) -> str:
    phone = await bench.well("grandstream")
    bench.later(minutes=10)
    await bench.restart()
    assert await phone.register()
    return phone.mac.colons
