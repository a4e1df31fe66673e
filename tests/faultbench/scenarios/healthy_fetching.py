"""Nothing is wrong: odd but right ways to fetch files, and others who ask from the same address."""

from __future__ import annotations

from offhook.simulator.virtual_phone import VirtualPhone
from tests.faultbench.bench import PROFILES, Bench
from tests.faultbench.scenario import Act, healthy

SICK = "127.0.3.1"
"""The address that a phone shares with another one behind the same router."""


def _own_file(phone: VirtualPhone) -> str:
    """The name of a phone's own file, as it asks for it."""
    return next(it.file for it in phone.requests if it.status == 200 and phone.mac.plain in it.file)


@healthy()
async def optional_files_are_not_there(bench: Bench) -> str:
    phone = await bench.well("polycom")
    for name in ("-license.cfg", "-web.cfg", "-phone.cfg", "-directory.xml"):
        assert (await phone.ask(phone.mac.plain + name)).status == 404
    return phone.mac.colons


@healthy()
async def firmware_and_boot_files_are_not_there(bench: Bench) -> str:
    phone = await bench.well("yealink")
    for name in (f"{phone.mac.plain}.boot", "y000000000000.boot"):
        assert (await phone.ask(name)).status == 404
    return phone.mac.colons


def _fetches_again(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        bench.later(days=1)
        await phone.fetch_files()
        assert await phone.register()
        assert 304 in {it.status for it in phone.requests}
        return phone.mac.colons

    act.__name__ = f"{vendor}_fetches_an_unchanged_file"
    return act


for _vendor in PROFILES:
    healthy()(_fetches_again(_vendor))


@healthy()
async def phone_asks_by_head_first(bench: Bench) -> str:
    phone = await bench.well("grandstream")
    answer = await bench.get(_own_file(phone), phone.user_agent, method="HEAD")
    assert answer.status == 200
    return phone.mac.colons


@healthy()
async def phone_asks_for_the_common_file_alone(bench: Bench) -> str:
    phone = await bench.well("zultys")
    bench.later(minutes=50)
    name = next(it.file for it in phone.requests if "common" in it.file)
    assert (await phone.ask(name)).status in (200, 304)
    return phone.mac.colons


def _spelled(name: str, path: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well("yealink")
        mac = phone.mac
        told = path.format(mac=mac.plain, MAC=mac.plain.upper(), colons=mac.colons)
        assert (await bench.get(told, phone.user_agent)).status == 200
        return mac.colons

    act.__name__ = name
    return act


for _name, _path in {
    "guides_form_of_the_url": "$mac.cfg/{mac}.cfg",
    "braces_before_the_name": "{{mac}}/{mac}.cfg",
    "mac_in_upper_case": "{MAC}.cfg",
    "mac_with_colons": "{colons}.cfg",
    "slash_too_many": "/{mac}.cfg",
}.items():
    healthy()(_spelled(_name, _path))


@healthy()
async def literal_variable_then_the_own_name(bench: Bench) -> str:
    phone = await bench.well("polycom")
    assert (await bench.get("$mac.cfg", phone.user_agent)).status == 400
    assert (await bench.get(f"$mac.cfg/{phone.mac.plain}.cfg", phone.user_agent)).status == 200
    return phone.mac.colons


@healthy()
async def admin_downloads_a_file_by_hand(bench: Bench) -> str:
    phone = await bench.well("cisco")
    for agent in ("curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64) Firefox/121.0"):
        headers = {"X-Offhook-Test": "1"} if agent.startswith("curl") else {}
        answer = await bench.get(_own_file(phone), agent, headers=headers)
        assert answer.status == 200
    return phone.mac.colons


@healthy()
async def admin_mistypes_a_url_in_the_browser(bench: Bench) -> str:
    phone = await bench.well("yealink")
    for path in ("index.html", "001565.cfg", "{mac}.cfg", "favicon.ico"):
        await bench.get(path, "Mozilla/5.0 (X11; Linux x86_64) Firefox/121.0")
    return phone.mac.colons


@healthy(provisioning__unknown_per_minute="5")
async def scanner_guesses_from_the_same_address(bench: Bench) -> str:
    phone = await bench.well("grandstream", address=SICK)
    for last in range(8):
        name = f"cfg000b829900{last:02x}.xml"
        await bench.get(name, "Grandstream Model HW GXP2170 SW 1", address=SICK)
    for path in ("../../etc/passwd", "%00", ".env", "wp-login.php", "x" * 3000):
        await bench.get(path, "masscan/1.3", address=SICK)
    return phone.mac.colons


@healthy()
async def neighbour_behind_the_same_address_asks_wrongly(bench: Bench) -> str:
    phone = await bench.well("polycom", address=SICK)
    await bench.get("{mac}.cfg", "Yealink SIP-T46S 66.86.0.15", address=SICK)
    await bench.get("001565999999.cfg", "Yealink SIP-T46S 66.86.0.15", address=SICK)
    return phone.mac.colons


@healthy()
async def neighbour_behind_the_same_address_has_a_wrong_password(bench: Bench) -> str:
    phone = await bench.well("yealink", address=SICK)
    await bench.device("yealink", "1002")
    assert await bench.register(bench.sip_phone(SICK), "1002", "wrong") == 401
    return phone.mac.colons


@healthy()
async def phone_of_almost_the_same_mac_is_unknown(bench: Bench) -> str:
    phone = await bench.well("yealink")
    near = f"{phone.mac.value ^ 1:012x}"
    agent = f"Yealink SIP-T46S 66.86.0.15 {near}"
    assert (await bench.get(f"{near}.cfg", agent, address=SICK)).status == 404
    return phone.mac.colons


@healthy()
async def phone_keeps_its_own_settings_here(bench: Bench) -> str:
    phone = await bench.well("yealink")
    name = f"{phone.mac.plain}-local.cfg"
    assert (await bench.get(name, phone.user_agent, method="PUT")).status == 201
    assert (await bench.get(name, phone.user_agent)).status == 200
    return phone.mac.colons


@healthy()
async def names_are_long_and_odd(bench: Bench) -> str:
    await bench.extension("1001", 'Prof. Dr. Anna-Lena O\'Neill & Søren <Ørsted> "Ø" 李小龙')
    phone = bench.phone(await bench.device("grandstream"), "grandstream")
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def phone_has_as_many_lines_as_it_can(bench: Bench) -> str:
    lines = []
    for index in range(10):
        await bench.extension(str(2001 + index), f"Line {index}")
        lines.append({"extension_number": str(2001 + index)})
    body = {"mac_address": "001565aa0001", "vendor": "yealink", "model": "t46s", "lines": lines}
    await bench.call("POST", "/api/provisioning/devices", body)
    phone = bench.phone("001565aa0001", "yealink", "t46s")
    assert await phone.boot()
    return phone.mac.colons
