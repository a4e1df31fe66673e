"""The account: wrong passwords and names, foreign accounts, odd lifetimes, deaf phones."""

from __future__ import annotations

import secrets

from offhook.simulator.virtual_phone import VirtualPhone
from tests.faultbench.bench import Bench
from tests.faultbench.scenario import Act, scenario
from tests.integration.sip_by_hand import HOST


async def _fetched(bench: Bench, vendor: str = "yealink") -> VirtualPhone:
    """A phone that has its files; what it does over SIP is the scenario's."""
    phone = bench.phone(await bench.device(vendor), vendor)
    await phone.fetch_files()
    return phone


def _silent(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await _fetched(bench, vendor)
        bench.later(minutes=10)
        return phone.mac.colons

    act.__name__ = f"{vendor}_has_its_file_and_does_not_register"
    return act


for _vendor, _agent in (("yealink", "Yealink"), ("cisco", "Cisco"), ("zultys", "Zultys")):
    scenario("P401", rf"last request .* from 127\.0\.0\.1, User-Agent {_agent}")(_silent(_vendor))


@scenario("P401", r"last request .* from 127\.0\.0\.1, User-Agent Grandstream")
async def registered_phone_lost_its_power(bench: Bench) -> str:
    phone = await bench.well("grandstream")
    phone.die()
    bench.later(hours=3)
    return "1001"


# --- password ------------------------------------------------------------------------------------


@scenario("P402", r"REGISTER as 1001 from udp:127\.0\.0\.1:\d+, .*wrong_digest")
async def password_was_changed_and_the_phone_was_off(bench: Bench) -> str:
    phone = await bench.well("yealink")
    await phone.sip.unregister()
    await bench.call("PATCH", "/api/extensions/1001", {"secret": "Another9secret"})
    assert not await phone.register()
    return phone.mac.colons


@scenario("P402", r"fetched its current file: the password was typed on it, or cut off")
async def password_was_typed_on_the_phone(bench: Bench) -> str:
    phone = await _fetched(bench)
    hand = await bench.by_hand()
    hand.secret = "typed"
    assert await hand.register() == 401
    return phone.mac.colons


@scenario("P402", r"fetched its file at .*, before the secret changed")
async def phone_fetched_before_the_password_changed(bench: Bench) -> str:
    phone = await _fetched(bench, "polycom")
    bench.later(hours=1)
    await bench.call("PATCH", "/api/extensions/1001", {"secret": "Another9secret"})
    assert not await phone.register()
    return phone.mac.colons


@scenario("P402", r"never fetched its file: its account was typed on it")
async def phone_without_a_file_has_a_wrong_password(bench: Bench) -> str:
    await bench.device("cisco")
    status = await bench.register(bench.sip_phone(), "1001", "guessed", agent="Cisco-CP-8841/11.3")
    assert status == 401
    bench.later(minutes=30)
    return "1001"


@scenario("P402", r"REGISTER as 1001 from udp:127\.0\.0\.1:\d+, User-Agent Groundwire")
async def softphone_has_a_wrong_password(bench: Bench) -> str:
    await bench.extension()
    for _ in range(3):
        assert await bench.register(bench.sip_phone(), "1001", "no", agent="Groundwire 6.1") == 401
    return "1001"


# --- names ---------------------------------------------------------------------------------------


@scenario("P403", r"REGISTER as 2001 from udp:127\.0\.0\.1:\d+, .*unknown_user")
async def phone_registers_a_number_of_another_system(bench: Bench) -> str:
    phone = await _fetched(bench)
    status = await bench.register(bench.sip_phone(), "2001", "whatever", mac=phone.mac.colons)
    assert status in (401, 403, 404)
    bench.later(minutes=5)
    return phone.mac.colons


@scenario("P403", r"REGISTER as Ada from udp:127\.0\.1\.60:\d+, .*unknown_user")
async def display_name_stands_where_the_number_belongs(bench: Bench) -> str:
    mac = await bench.device("grandstream")
    await bench.phone(mac, "grandstream", address="127.0.1.60").fetch_files()
    status = await bench.register(bench.sip_phone("127.0.1.60"), "Ada", "whatever")
    assert status in (401, 403, 404)
    bench.later(minutes=5)
    return "127.0.1.60"


@scenario("P404", r"REGISTER as Ada from udp:127\.0\.0\.1:\d+")
async def authentication_name_is_the_display_name(bench: Bench) -> str:
    phone = await _fetched(bench)
    assert await (await bench.by_hand()).register(name="Ada") in (401, 403)
    return phone.mac.colons


@scenario("P404", r"REGISTER as  from udp:127\.0\.0\.1:\d+")
async def authentication_name_is_empty(bench: Bench) -> str:
    phone = await _fetched(bench, "cisco")
    hand = await bench.by_hand(user_agent="Cisco-CP-8841-3PCC/11.3.1")
    assert await hand.register(name="") in (401, 403)
    bench.later(minutes=5)
    return phone.mac.colons


@scenario("P404", r"REGISTER as 1002 from udp:127\.0\.0\.1:\d+")
async def authentication_name_is_another_extension(bench: Bench) -> str:
    await bench.device("polycom", "1002")
    phone = await _fetched(bench, "zultys")
    assert await (await bench.by_hand()).register(name="1002") in (401, 403)
    return phone.mac.colons


@scenario("P405", r"REGISTER as 1001 from udp:.*realm 'old-pbx'")
async def account_is_of_another_realm(bench: Bench) -> str:
    phone = await _fetched(bench)
    assert await (await bench.by_hand()).register(realm="old-pbx") == 401
    bench.later(minutes=4)
    return phone.mac.colons


@scenario("P405", r"REGISTER as 1001 from udp:.*domain old-pbx\.example")
async def account_is_of_another_domain(bench: Bench) -> str:
    phone = await _fetched(bench, "polycom")
    hand = await bench.by_hand(domain="old-pbx.example")
    hand.secret = "of the other server"
    assert await hand.register() == 401
    return phone.mac.colons


def _nobody(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        hand = await bench.by_hand()
        bench.later(minutes=1)
        await hand.ask(hand.request(user=""))
        return phone.mac.colons

    act.__name__ = f"{vendor}_has_an_account_without_a_user"
    return act


for _vendor in ("yealink", "zultys"):
    scenario("P406", r"REGISTER as nobody from udp:127\.0\.0\.1:\d+, .*answer 401")(
        _nobody(_vendor)
    )


# --- the way there and back ----------------------------------------------------------------------


@scenario("P408", r"Via 127\.0\.0\.1:9 without rport")
async def answers_go_where_nobody_listens(bench: Bench) -> str:
    phone = await _fetched(bench, "cisco")
    deaf = await bench.by_hand(rport="", via=f"{HOST}:9")
    for _ in range(3):
        await deaf.send(deaf.request())
    hand = await bench.by_hand()
    await hand.ask(hand.request().replace(b"REGISTER", b"OPTIONS"))  # the server works in order
    bench.later(minutes=4)
    return phone.mac.colons


@scenario("P410", r"asked 86400 s, granted 7200 s")
async def phone_renews_twice_a_day(bench: Bench) -> str:
    phone = await _fetched(bench, "grandstream")
    hand = await bench.by_hand(expires=86_400)
    for _ in range(2):
        assert await hand.register() == 200
        bench.later(hours=12)
    assert await hand.register() == 200
    return phone.mac.colons


@scenario("P410", r"asked 3600 s, granted 600 s", sip__max_expires_s="600")
async def phone_renews_hourly_where_ten_minutes_are_granted(bench: Bench) -> str:
    await bench.extension()
    hand = await bench.by_hand()
    for _ in range(2):
        assert await hand.register() == 200
        bench.later(minutes=59)
    assert await hand.register() == 200
    return "1001"


@scenario("P412", r"REGISTER as 1001 from udp:.*answer 200 \(registered\)")
async def phone_registers_again_and_again(bench: Bench) -> str:
    phone = await bench.well("yealink")
    for _ in range(12):
        await phone.register()
    return phone.mac.colons


@scenario("P412", r"REGISTER as 1001 from udp:.*answer 200 \(re")
async def phone_signs_off_and_on_in_turns(bench: Bench) -> str:
    phone = await bench.well("grandstream")
    for _ in range(6):
        await phone.sip.unregister()
        await phone.register()
    return phone.mac.colons


def _web_port(vendor: str, key: str, value: str) -> Act:
    async def act(bench: Bench) -> str:
        port = str(bench.url.rpartition(":")[2])
        mac = await bench.device(vendor, settings={key: value.format(port=port)})
        await bench.phone(mac, vendor).fetch_files()
        bench.later(minutes=5)
        return mac

    act.__name__ = f"{vendor}_file_names_a_web_port_for_sip"
    return act


for _vendor, _key, _value in (
    ("yealink", "account.1.sip_server.1.port", "{port}"),
    ("polycom", "reg.1.server.1.port", "443"),
    ("grandstream", "P47", "pbx.example:80"),
):
    scenario("P413", rf"free setting {_key} = ".replace(".", r"\."))(
        _web_port(_vendor, _key, _value)
    )


@scenario("P414", r"registered as 1001 from udp:127\.0\.0\.1")
async def phone_uses_udp_where_its_file_says_tcp(bench: Bench) -> str:
    mac = await bench.device("yealink")
    await bench.call("PATCH", "/api/provisioning/settings/site", {"transport": "tcp"})
    assert await bench.phone(mac).boot()
    return mac


@scenario("P414", r"registered as 1001 from tcp:127\.0\.0\.1")
async def phone_uses_tcp_where_its_file_says_udp(bench: Bench) -> str:
    phone = await _fetched(bench, "polycom")
    hand = await bench.by_hand()
    hand.contact = f"sip:1001@{hand.place};transport=tcp"
    bench.later(seconds=5)
    assert await hand.register_over_tcp() == 200
    return phone.mac.colons


@scenario("P417", r"answer 401 \(stale\)")
async def phone_never_takes_the_new_nonce(bench: Bench) -> str:
    phone = await _fetched(bench)
    hand = await bench.by_hand()
    foreign = secrets.token_hex(24)
    for _ in range(5):
        assert (await hand.ask(hand.request(hand.signature(foreign)))).status == 401
    return phone.mac.colons


@scenario("P418", r'uri="sip:pbx@127\.0\.0\.1"')
async def credentials_are_for_another_address(bench: Bench) -> str:
    phone = await _fetched(bench, "polycom")
    hand = await bench.by_hand()
    line = hand.signature(await hand.nonce(), uri="sip:pbx@127.0.0.1")
    assert (await hand.ask(hand.request(line, uri="sip:1001@127.0.0.1"))).status == 400
    bench.later(minutes=4)
    return phone.mac.colons
