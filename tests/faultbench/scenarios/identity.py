"""Who is asking: placeholders, unknown phones, typos, phones of another kind than recorded."""

from __future__ import annotations

import sqlite3

from tests.faultbench.bench import PROFILES, Bench
from tests.faultbench.scenario import Act, scenario

YEALINK = "Yealink SIP-T46S 66.86.0.15 00:15:65:99:99:99"
POLYCOM = "FileTransport PolycomVVX-VVX_411-UA/5.9.7.3480 Type/Application"

# --- P2xx: what was asked ------------------------------------------------------------------------


def _literal(name: str, path: str, agent: str, address: str) -> Act:
    async def act(bench: Bench) -> str:
        answer = await bench.get(path, agent, address=address)
        assert answer.status == 400, answer
        return address

    act.__name__ = name
    return act


for _name, _path, _agent, _code, _shown in (
    ("yealink_asks_its_own_variable", "$mac.cfg", "Yealink SIP-T46S 66.86.0.15", "P201", r"\$mac"),
    ("cisco_asks_its_own_variable", "$MA.cfg", "Cisco-CP-8841-3PCC/11.3.1", "P201", r"\$MA"),
    ("unknown_agent_asks_braces", "{mac}.cfg", "Mozilla/4.0 (phone)", "P201", r"\{mac\}"),
    ("yealink_asks_braces", "{mac}.cfg", "Yealink SIP-T46S 66.86.0.15", "P202", r"\{mac\}"),
    ("zultys_asks_the_form_of_cisco", "$MA.cfg", "Zultys ZIP 37G - 47.80.132.4", "P202", r"\$MA"),
    ("cisco_asks_the_form_of_yealink", "$mac.cfg", "Cisco-CP-8841-3PCC/11.3.1", "P202", r"\$mac"),
):
    scenario(_code, rf"GET {_shown}\.cfg from 127\.0\.1\.\d+, User-Agent .*, status 400")(
        _literal(_name, _path, _agent, f"127.0.1.{len(_name)}")
    )


@scenario("P201", r"GET \$mac\.cfg from .*00:15:65:00:03:e9, status 400")
async def registered_phone_tells_its_mac_only_in_the_agent(bench: Bench) -> str:
    mac = await bench.device("yealink", mac="0015650003e9", model="t46s")
    agent = "Yealink SIP-T46S 66.86.0.15 00:15:65:00:03:e9"
    assert (await bench.get("$mac.cfg", agent, address="127.0.1.80")).status == 400
    bench.later(minutes=30)
    return mac


@scenario("P203", r"GET phone\.cfg from 127\.0\.1\.90, .*status 404")
async def url_ends_in_a_file_of_another_system(bench: Bench) -> str:
    agent = "Zultys ZIP 37G - 47.80.132.4"
    assert (await bench.get("phone.cfg", agent, address="127.0.1.90")).status == 404
    return "127.0.1.90"


@scenario("P203", r"GET old/settings\.xml from 127\.0\.1\.91, .*status 404")
async def grandstream_asks_a_file_that_is_not_there(bench: Bench) -> str:
    agent = "Grandstream Model HW GXP2170 SW 1.0.11.64 DevId c074ad000001"
    mac = await bench.device("grandstream", mac="c074ad000001", model="gxp2170")
    assert (await bench.get("old/settings.xml", agent, address="127.0.1.91")).status == 404
    return mac


@scenario("P204", r"PUT \w+\.cfg from 127\.0\.0\.1, .*status 405")
async def phone_writes_the_file_that_we_make(bench: Bench) -> str:
    phone = await bench.well("yealink")
    answer = await bench.get(f"{phone.mac.plain}.cfg", phone.user_agent, method="PUT")
    assert answer.status == 405
    return phone.mac.colons


@scenario("P205", r"from 127\.0\.1\.95, .*status 4\d\d")
async def path_has_a_control_character(bench: Bench) -> str:
    assert (await bench.get("a%00b.cfg", address="127.0.1.95")).status == 400
    return "127.0.1.95"


@scenario("P205", r"from 127\.0\.1\.96, .*status 414")
async def path_is_longer_than_any_file(bench: Bench) -> str:
    assert (await bench.get("a" * 3000, "Mozilla/4.0", address="127.0.1.96")).status == 414
    return "127.0.1.96"


# --- P3xx: whose record --------------------------------------------------------------------------


@scenario("P301", r"last request .* from 127\.0\.0\.1")
async def unknown_phone_asks(bench: Bench) -> str:
    assert (await bench.get("001565999999.cfg", YEALINK)).status == 404
    return "001565999999"


@scenario("P301", r"last request .* from 127\.0\.1\.50, User-Agent Grandstream .*, 2 since")
async def unknown_grandstream_asks_twice(bench: Bench) -> str:
    agent = "Grandstream Model HW GXP2170 SW 1.0.11.64 DevId c074ad123456"
    await bench.device("grandstream", mac="000b82000001")
    for name in ("cfgc074ad123456.xml", "cfgc074ad123456.xml"):
        assert (await bench.get(name, agent, address="127.0.1.50")).status == 404
    return "C0-74-AD-12-34-56"


@scenario("P301", r"last request .* from 127\.0\.1\.51, User-Agent FileTransport Polycom")
async def unknown_polycom_is_asked_about_by_its_address(bench: Bench) -> str:
    await bench.well("yealink")
    assert (await bench.get("0004f2abcdef.cfg", POLYCOM, address="127.0.1.51")).status == 404
    return "127.0.1.51"


@scenario("P301", r"last request .* from 127\.0\.0\.1, User-Agent Yealink")
async def device_was_deleted_and_asks_again(bench: Bench) -> str:
    phone = await bench.well("yealink")
    await bench.call("DELETE", f"/api/provisioning/devices/{phone.mac.plain}")
    bench.later(minutes=3)
    await phone.fetch_files()
    return phone.mac.colons


def _typo(name: str, vendor: str, recorded: str, real: str) -> Act:
    async def act(bench: Bench) -> str:
        await bench.device(vendor, mac=recorded)
        phone = bench.phone(real, vendor)
        await phone.fetch_files()
        bench.later(minutes=15)
        return phone.mac.colons

    act.__name__ = name
    return act


for _name, _vendor, _recorded, _real in (
    ("one_digit_is_wrong", "yealink", "001565123456", "001565123457"),
    ("two_digits_are_swapped", "polycom", "0004f2a1b2c3", "0004f2a1b23c"),
    ("letter_was_read_as_a_digit", "grandstream", "000b8208b0d1", "000b82b8b0d1"),
):
    scenario("P302", r"last request .* from 127\.0\.0\.1")(_typo(_name, _vendor, _recorded, _real))


@scenario("P302", r"last request .* from 127\.0\.0\.1, User-Agent Cisco")
async def mistyped_record_is_asked_about_itself(bench: Bench) -> str:
    mac = await bench.device("cisco", mac="682c7b123456")
    await bench.phone("682c7b123465", "cisco").fetch_files()
    bench.later(minutes=15)
    return mac


@scenario("P303", r"block 80:5E:C0 belongs to Yealink")
async def yealink_is_recorded_as_a_cisco(bench: Bench) -> str:
    return await bench.device("cisco", mac="805ec0123456")


@scenario("P303", r"block C0:74:AD belongs to Grandstream")
async def grandstream_is_recorded_as_a_yealink_and_never_asks(bench: Bench) -> str:
    mac = await bench.device("yealink", mac="c074ad123456")
    bench.later(minutes=30)
    return mac


def _other_maker(recorded: str, actual: str) -> Act:
    async def act(bench: Bench) -> str:
        real = f"{min(PROFILES[actual].ouis)}0a0b0c"
        mac = await bench.device(recorded, mac=real)
        await bench.phone(real, actual).fetch_files()
        bench.later(minutes=5)
        return mac

    act.__name__ = f"{actual}_is_recorded_as_{recorded}"
    return act


for _recorded, _actual, _agent in (
    ("yealink", "polycom", "PolycomVVX"),
    ("polycom", "yealink", "Yealink"),
    ("cisco", "zultys", "Zultys"),
    ("yealink", "grandstream", "Grandstream"),
):
    scenario("P304", rf"User-Agent .*{_agent}")(_other_maker(_recorded, _actual))


def _other_model(vendor: str, recorded: str, actual: str) -> Act:
    async def act(bench: Bench) -> str:
        mac = await bench.device(vendor, model=recorded)
        await bench.phone(mac, vendor, actual).boot()
        return mac

    act.__name__ = f"{vendor}_{actual}_is_recorded_as_{recorded}"
    return act


for _vendor, _recorded, _actual in (
    ("yealink", "t46s", "t42s"),
    ("polycom", "vvx411", "vvx250"),
    ("grandstream", "gxp2170", "gxp2135"),
):
    _label = PROFILES[_vendor].model(_actual)
    assert _label is not None
    scenario("P305", rf"User-Agent .*{_label.label}")(_other_model(_vendor, _recorded, _actual))


@scenario("P306", r"device [0-9A-F:]{17}, model")
async def vendor_is_gone_from_this_version(bench: Bench) -> str:
    phone = await bench.well("zultys")

    def rename(database: sqlite3.Connection) -> None:
        database.execute("update devices set vendor = 'zultis'")

    await bench.restart(rename)
    await phone.fetch_files()
    return phone.mac.colons


@scenario("P307", r"device [0-9A-F:]{17}")
async def model_is_gone_from_this_version(bench: Bench) -> str:
    mac = await bench.device("yealink")

    def rename(database: sqlite3.Connection) -> None:
        database.execute("update devices set model = 't99x'")

    await bench.restart(rename)
    await bench.phone(mac).fetch_files()
    return mac


def _no_extension(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        mac = await bench.device(vendor)

        def remove(database: sqlite3.Connection) -> None:
            database.execute("delete from extensions where number = '1001'")

        await bench.restart(remove)
        await bench.phone(mac, vendor).fetch_files()
        return mac

    act.__name__ = f"{vendor}_line_has_no_extension"
    return act


for _vendor in ("yealink", "polycom"):
    scenario("P308", rf"line 1, {_vendor}")(_no_extension(_vendor))


# --- delivered -----------------------------------------------------------------------------------


def _never_asked(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        mac = await bench.device(vendor)
        bench.later(minutes=11)
        return mac

    act.__name__ = f"{vendor}_never_asked"
    return act


for _vendor in ("yealink", "polycom", "cisco"):
    scenario("P309", r"registered in provisioning since ")(_never_asked(_vendor))


@scenario("P309", r"registered as 1001 from udp:127\.0\.0\.1:\d+ since ")
async def account_was_typed_on_a_phone_that_never_asked(bench: Bench) -> str:
    mac = await bench.device("yealink")
    secret = await bench.secret("1001")
    assert await bench.register(bench.sip_phone(), "1001", secret, mac=mac) == 200
    bench.later(minutes=15)
    return "1001"


@scenario("P310", r"last request .* from 127\.0\.0\.1, User-Agent Yealink")
async def name_changed_while_the_phone_was_off(bench: Bench) -> str:
    phone = await bench.well("yealink")
    await phone.sip.unregister()
    await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
    return phone.mac.colons


@scenario("P310", r"last request .* from 127\.0\.0\.1, User-Agent FileTransport")
async def site_settings_changed_while_the_registration_was_lost(bench: Bench) -> str:
    phone = await bench.well("polycom")
    phone.sip.is_silent = True
    bench.later(hours=2)
    await bench.call("PATCH", "/api/provisioning/settings/site", {"time_zone": "Asia/Tokyo"})
    return "1001"
