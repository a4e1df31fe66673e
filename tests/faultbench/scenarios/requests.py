"""What a phone's requests show: odd files, foreign names, two phones as one."""

from __future__ import annotations

from typing import Any

import httpx

from tests.faultbench.bench import Bench, colons
from tests.faultbench.scenario import healthy, scenario

T46S = "Yealink SIP-T46S 66.86.0.15 {mac}"
MPP = "Cisco-CP-8841-3PCC/11.3.1 ({mac})"


def plain(mac: str) -> str:
    """The digits of a MAC, as file names have them."""
    return mac.replace(":", "").lower()


async def ask_as(bench: Bench, path: str, agent: str, **headers: str) -> httpx.Response:
    """Ask as a phone would, with headers that the plain fetch does not send twice."""
    async with httpx.AsyncClient() as client:
        given: dict[str, Any] = {"User-Agent": agent, **headers}
        return await client.get(f"{bench.url}/provision/{path}", headers=given)


# --- files of other families ---------------------------------------------------------------------


@scenario("P206", r"SEP[0-9A-F]{12}\.cnf\.xml\.sgn")
async def phone_wants_a_signed_file(bench: Bench) -> str:
    mac = await bench.device("cisco", model="8841")
    name = plain(mac).upper()
    for file in (f"CTLSEP{name}.tlv", f"ITLSEP{name}.tlv", f"SEP{name}.cnf.xml.sgn"):
        assert (await bench.get(file)).status == 404
    return mac


@scenario("P206", r"ITLSEP[0-9A-F]{12}\.tlv")
async def phone_asks_only_for_trust_lists(bench: Bench) -> str:
    mac = await bench.device("cisco", model="8841")
    name = plain(mac).upper()
    for _ in range(3):
        await bench.get(f"CTLSEP{name}.tlv")
        await bench.get(f"ITLSEP{name}.tlv")
        bench.later(minutes=2)
    return mac


@scenario("P207", r"SEP[0-9A-F]{12}\.cnf\.xml from .*status 404")
async def phone_has_enterprise_firmware(bench: Bench) -> str:
    mac = await bench.device("cisco", model="8841")
    name = plain(mac).upper()
    for file in (f"CTLSEP{name}.tlv", f"ITLSEP{name}.tlv", "ITLFile.tlv", f"SEP{name}.cnf.xml"):
        await bench.get(file)
    return mac


@scenario("P207", r"SIP[0-9A-F]{12}\.cnf")
async def phone_wants_a_flat_text_file(bench: Bench) -> str:
    mac = await bench.device("cisco", model="7841")
    await bench.get(f"SIP{plain(mac).upper()}.cnf")
    return mac


@healthy()
async def enterprise_phone_got_new_firmware(bench: Bench) -> str:
    mac = await bench.device("cisco", model="8841")
    name = plain(mac).upper()
    await bench.get(f"ITLSEP{name}.tlv")
    await bench.get(f"SEP{name}.cnf.xml")
    bench.later(minutes=5)
    assert await bench.phone(mac, "cisco", "8841").boot()
    return mac


@scenario("P203", r"GET phonebook\.csv from .*status 404")
async def known_phone_asks_for_a_strange_file(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    assert (await bench.get("phonebook.csv", T46S.format(mac=mac))).status == 404
    return mac


@scenario("P203", r"GET phonebook\.csv")
async def sick_phone_stands_beside_well_ones(bench: Bench) -> str:
    mac = await bench.device(number="1009", model="t46s")
    await bench.get("phonebook.csv", T46S.format(mac=mac))
    for number in ("1001", "1002", "1003"):
        await bench.well("yealink", number)
    return mac


@scenario("P214", r"GET office\.cfg from .*status 404")
async def one_missing_file_keeps_all_away(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    for _ in range(3):
        await bench.get("office.cfg", T46S.format(mac=mac))
        bench.later(seconds=20)
    return mac


@healthy()
async def missing_file_was_taken_out_again(bench: Bench) -> str:
    phone_mac = await bench.device(model="t46s")
    for _ in range(3):
        await bench.get("office.cfg", T46S.format(mac=phone_mac))
    assert await bench.phone(phone_mac, model="t46s").boot()
    return phone_mac


@scenario("P215", r"GET [0-9a-f]{12}\.boot from .*status 404")
async def phone_asks_for_its_boot_file_alone(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    await bench.get(f"{plain(mac)}.boot", T46S.format(mac=mac))
    bench.later(minutes=7)
    return mac


@scenario("P215", r"GET [0-9a-f]{12}\.cfg")
async def master_file_is_taken_and_nothing_else(bench: Bench) -> str:
    mac = await bench.device("polycom", model="vvx450")
    agent = "FileTransport PolycomVVX-VVX_450-UA/5.9.7.3480 Type/Application"
    assert (await bench.get(f"{plain(mac)}.cfg", agent)).status == 200
    bench.later(minutes=7)
    return mac


@healthy()
async def optional_files_are_missing_as_ever(bench: Bench) -> str:
    phone = await bench.well("polycom")
    mac = phone.mac.plain
    for file in (f"{mac}-license.cfg", "000000000000-license.cfg", "sip.ld", f"{mac}-user.cfg"):
        for _ in range(3):
            await bench.get(file, phone.user_agent)
    return phone.mac.colons


# --- who asks ------------------------------------------------------------------------------------


@scenario("P208", r"from 127\.0\.0\.2, User-Agent Yealink SIP-T46S 66\.84")
async def two_phones_ask_as_one(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    path = f"{plain(mac)}.cfg"
    for _ in range(2):
        await bench.get(path, T46S.format(mac=mac))
        bench.later(minutes=1)
        await bench.get(path, "Yealink SIP-T46S 66.84.0.10", address="127.0.0.2")
        bench.later(minutes=1)
    return mac


@scenario("P208", r"registered as 1001 from udp:127\.0\.0\.\d")
async def two_phones_register_as_one(bench: Bench) -> str:
    phone = await bench.well()
    secret = await bench.secret("1001")
    other = bench.sip_phone("127.0.0.2")
    mac = phone.mac.colons
    bench.later(minutes=1)
    assert await bench.register(other, "1001", secret, agent=T46S.format(mac=mac)) == 200
    bench.later(minutes=1)
    assert await phone.register()
    return mac


@healthy()
async def phone_moved_to_another_address(bench: Bench) -> str:
    phone = await bench.well()
    bench.later(minutes=5)
    moved = bench.phone(phone.mac.plain, address="127.0.0.3")
    assert await moved.boot()
    return phone.mac.colons


@scenario("P209", r"GET y000000000066\.cfg from .*status 200")
async def unknown_phone_fetches_the_common_file_only(bench: Bench) -> str:
    mac = "00:15:65:99:99:01"
    assert (await bench.get("y000000000066.cfg", T46S.format(mac=mac))).status == 200
    return mac


@healthy()
async def known_phone_tells_its_mac_in_its_agent(bench: Bench) -> str:
    phone = await bench.well()
    assert (await bench.get("y000000000066.cfg", phone.user_agent)).status == 200
    return phone.mac.colons


@scenario("P210", r"registered as Yealink of extension 1001")
async def common_files_number_was_registered(bench: Bench) -> str:
    return await bench.device(mac="000000000066", model="t46s")


@scenario("P210", r"last request .* from 127\.0\.0\.1")
async def common_files_number_is_asked_as_a_mac(bench: Bench) -> str:
    assert (await bench.get("000000000066.cfg", "Yealink SIP-T46S 66.86.0.15")).status == 404
    return colons("000000000066")


@scenario("P211", r"GET fw/66\.86\.0\.15\.rom from 127\.0\.0\.5")
async def firmware_is_asked_without_a_mac(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    phone = bench.phone(mac, model="t46s", address="127.0.0.5")
    assert await phone.boot()
    await bench.get("fw/66.86.0.15.rom", "Yealink SIP-T46S 66.86.0.15", address="127.0.0.5")
    return mac


@scenario("P213", r"GET fw/66\.86\.0\.15\.rom from .*status 404")
async def firmware_is_not_here(bench: Bench) -> str:
    phone = await bench.well()
    await bench.get("fw/66.86.0.15.rom", phone.user_agent)
    return phone.mac.colons


@healthy()
async def firmware_url_was_cleared(bench: Bench) -> str:
    phone = await bench.well()
    await bench.get("fw/66.86.0.15.rom", phone.user_agent)
    bench.later(minutes=30)
    await phone.fetch_files()
    assert await phone.register()
    return phone.mac.colons


@scenario("P212", r"User-Agent Yealink/T46S;fw=96\.86")
async def new_firmware_writes_its_agent_differently(bench: Bench) -> str:
    phone = await bench.well()
    bench.later(minutes=5)
    await bench.get(f"{phone.mac.plain}.cfg", f"Yealink/T46S;fw=96.86.0.1;id={phone.mac.plain}")
    return phone.mac.colons


@healthy()
async def firmware_was_updated(bench: Bench) -> str:
    phone = await bench.well()
    bench.later(minutes=5)
    agent = phone.user_agent.replace("66.86.0.15", "66.87.0.5")
    assert agent != phone.user_agent
    await bench.get(f"{phone.mac.plain}.cfg", agent)
    return phone.mac.colons


@scenario("P312", r"registered as 1001 from .*CP7960G")
async def phone_of_an_old_series_never_asks(bench: Bench) -> str:
    mac = await bench.device("cisco", model="7841")
    phone = bench.sip_phone()
    secret = await bench.secret("1001")
    assert await bench.register(phone, "1001", secret, agent="Cisco-CP7960G/8.0") == 200
    return mac


@scenario("P313", r"registered as 1001 from .*T46S")
async def typed_account_without_a_record(bench: Bench) -> str:
    await bench.well(number="1002")
    secret = await bench.extension()
    phone = bench.sip_phone()
    agent = T46S.format(mac="00:15:65:99:99:02")
    assert await bench.register(phone, "1001", secret, agent=agent) == 200
    return "1001"


@healthy()
async def softphone_registers(bench: Bench) -> str:
    secret = await bench.extension()
    phone = bench.sip_phone()
    assert await bench.register(phone, "1001", secret, agent="Linphone/5.2") == 200
    return "1001"


# --- access --------------------------------------------------------------------------------------


@scenario("P802", r"status 429", provisioning__unknown_per_minute="3")
async def stranger_guesses_addresses(bench: Bench) -> str:
    for number in range(6):
        await bench.get(f"0015659900{number:02d}.cfg", address="127.0.0.9")
    return "127.0.0.9"


@scenario("P804", r"status 429", provisioning__unknown_per_minute="3")
async def new_phone_is_throttled_with_its_address(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    for number in range(6):
        await bench.get(f"0015659900{number:02d}.cfg", address="127.0.0.9")
    # This host itself is never throttled; a proxy on it that speaks for others is.
    by_proxy = {"Via": "1.1 proxy.example"}
    path, agent = f"{plain(mac)}.cfg", T46S.format(mac=mac)
    answer = await bench.get(path, agent, address="127.0.0.9", headers=by_proxy)
    assert answer.status == 429
    return mac


@healthy(provisioning__unknown_per_minute="3")
async def phone_at_a_throttled_address_is_served(bench: Bench) -> str:
    phone = await bench.well(address="127.0.0.9")
    for number in range(6):
        await bench.get(f"0015659900{number:02d}.cfg", address="127.0.0.9")
    await phone.fetch_files()
    return phone.mac.colons


@scenario("P805", r"asked for the server 'pbx\.other\.example'")
async def unknown_phone_asks_for_another_server(bench: Bench) -> str:
    mac = "00:15:65:99:99:03"
    await ask_as(bench, f"{plain(mac)}.cfg", T46S.format(mac=mac), Host="pbx.other.example:8080")
    return mac


@scenario("P805", r"asked for the server 'pbx\.other\.example'")
async def known_phone_asks_for_another_server(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    await ask_as(bench, f"{plain(mac)}.cfg", T46S.format(mac=mac), Host="pbx.other.example")
    return mac


@healthy()
async def phone_asks_by_an_alias_and_registers(bench: Bench) -> str:
    phone = await bench.well()
    await ask_as(bench, f"{phone.mac.plain}.cfg", phone.user_agent, Host="phones.example.net")
    return phone.mac.colons


@scenario("P806", r"with an Authorization header")
async def phone_sends_a_login(bench: Bench) -> str:
    mac = await bench.device("polycom", model="vvx450")
    agent = "FileTransport PolycomVVX-VVX_450-UA/5.9.7.3480 Type/Application"
    login = "Basic UGxjbVNwSXA6UGxjbVNwSXA="
    await ask_as(bench, f"{plain(mac)}.cfg", agent, Authorization=login)
    await ask_as(bench, f"{plain(mac)}-reg.cfg", agent, Authorization=login)
    return mac


@healthy()
async def phone_sends_a_login_and_works(bench: Bench) -> str:
    phone = await bench.well()
    login = "Basic UGxjbVNwSXA6UGxjbVNwSXA="
    await ask_as(bench, f"{phone.mac.plain}.cfg", phone.user_agent, Authorization=login)
    return phone.mac.colons


# --- placeholders --------------------------------------------------------------------------------


@scenario("P202", r"GET \{mac\}\.cfg from 127\.0\.0\.7")
async def placeholder_told_by_address(bench: Bench) -> str:
    answer = await bench.get("{mac}.cfg", "Yealink SIP-T46S 66.86.0.15", address="127.0.0.7")
    assert answer.status == 400
    return "127.0.0.7"


@scenario("P202", r"GET \$MA\.cfg")
async def placeholder_of_a_phone_told_by_its_agent(bench: Bench) -> str:
    mac = await bench.device(model="t46s")
    assert (await bench.get("$MA.cfg", T46S.format(mac=mac))).status == 400
    return mac
