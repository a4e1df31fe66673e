"""Delivered, not applied: values typed on phones, registrations and lamps lost on the way."""

from __future__ import annotations

from offhook.simulator.virtual_phone import VirtualPhone
from offhook.sip.message import Response
from tests.faultbench.bench import Bench
from tests.faultbench.scenario import healthy, scenario
from tests.integration.hand_phone import HandPhone

GRANDSTREAM = "Grandstream GXP2170 1.0.11.64"


async def _lamp(bench: Bench, number: str, watched: str) -> HandPhone:
    """A phone that fetched its file, registered by hand over TCP, and watches another."""
    await bench.extension(watched, "Colleague")
    mac = await bench.device("yealink", number, settings={"transport": "tcp"})
    await bench.phone(mac).fetch_files()
    phone = await HandPhone.connect(number, bench.pbx.sip_port, await bench.secret(number))
    assert (await _register(phone)).status == 200
    answer = await phone.ask("SUBSCRIBE", watched, "Event: dialog", "Expires: 3600", call_id="lamp")
    assert answer.status == 200
    return phone


async def _register(phone: HandPhone) -> Response:
    return await phone.ask("REGISTER", phone.user, "Expires: 3600", call_id="boot")


def _mac(bench: Bench, number: str) -> str:
    [device] = bench.pbx.state.devices_of(number)
    return device.mac.colons


# --- P317: a value on the phone wins --------------------------------------------------------------

_WEB = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<PHONE_CONFIG>\n  <OVERRIDES {} />\n</PHONE_CONFIG>\n'
)


async def _uploads(bench: Bench, phone: VirtualPhone, suffix: str, body: str) -> None:
    """Send what a person changed on the phone, as the phone does."""
    agent = {"User-Agent": phone.user_agent}
    file = f"{phone.mac.plain}{suffix}"
    answer = await bench.api.put(f"/provision/{file}", content=body, headers=agent)
    assert answer.status_code == 201, answer.text


@scenario("P317", r"-local\.cfg of the phone has account\.1\.display_name = Typed, its file has")
async def name_was_typed_on_the_phone(bench: Bench) -> str:
    phone = await bench.well("yealink")
    body = "#!version:1.0.0.1\naccount.1.display_name = Typed\nphone_setting.ring_type = 3\n"
    await _uploads(bench, phone, "-local.cfg", body)
    return phone.mac.colons


@scenario("P317", r"-web\.cfg of the phone has reg\.1\.server\.1\.address = 192\.0\.2\.9")
async def server_was_typed_on_the_web_page(bench: Bench) -> str:
    phone = await bench.well("polycom")
    body = _WEB.format('reg.1.server.1.address="192.0.2.9"')
    await _uploads(bench, phone, "-web.cfg", body)
    return phone.mac.colons


@healthy()
async def user_chose_a_language_and_a_ring_tone(bench: Bench) -> str:
    phone = await bench.well("polycom")
    chosen = 'lcl.ml.lang="German_Germany" np.normal.ringing.calls.tonePattern="ringer5"'
    await _uploads(bench, phone, "-phone.cfg", _WEB.format(chosen))
    return phone.mac.colons


@healthy()
async def local_setting_was_cleared_again(bench: Bench) -> str:
    phone = await bench.well("polycom")
    for typed in ('reg.1.label="Typed"', ""):
        await _uploads(bench, phone, "-web.cfg", _WEB.format(typed))
    return phone.mac.colons


# --- P420: one phone signs off the others --------------------------------------------------------


@scenario("P420", r"REGISTER as 1001 from udp:127\.0\.0\.2:\d+, .*all contacts at once")
async def one_phone_signs_off_all_of_its_extension(bench: Bench) -> str:
    secret = await bench.extension()
    first, second = bench.sip_phone("127.0.0.2"), bench.sip_phone("127.0.0.3")
    for phone in (second, first):
        assert await bench.register(phone, "1001", secret, agent=GRANDSTREAM) == 200
    first.removes_all = True
    assert await first.unregister()
    first.boot()
    assert await first.refresh()
    return "1001"


@scenario("P420", r"lost: sip:1001@127\.0\.0\.3:\d+ at udp:127\.0\.0\.3")
async def phone_was_signed_off_by_another_of_its_extension(bench: Bench) -> str:
    victim = await bench.well("yealink", "1001", "127.0.0.3")
    other = bench.sip_phone("127.0.0.2")
    secret = await bench.secret("1001")
    assert await bench.register(other, "1001", secret, agent=GRANDSTREAM) == 200
    other.removes_all = True
    assert await other.unregister()
    bench.later(minutes=2)
    return victim.account.number if victim.account else ""


@healthy()
async def phone_signed_off_by_another_came_back(bench: Bench) -> str:
    victim = await bench.well("yealink", "1001", "127.0.0.3")
    other = bench.sip_phone("127.0.0.2")
    secret = await bench.secret("1001")
    assert await bench.register(other, "1001", secret, agent=GRANDSTREAM) == 200
    other.removes_all = True
    assert await other.unregister()
    assert await victim.register()
    return "1001"


@healthy()
async def phone_signs_off_itself_beside_another(bench: Bench) -> str:
    await bench.well("yealink", "1001", "127.0.0.3")
    other = bench.sip_phone("127.0.0.2")
    secret = await bench.secret("1001")
    assert await bench.register(other, "1001", secret, agent=GRANDSTREAM) == 200
    assert await other.unregister()
    return "1001"


# --- P421: frozen lamps --------------------------------------------------------------------------


@scenario("P421", r"subscription of 1001 to 1002 from 127\.0\.0\.1 ended: answer 481 to NOTIFY")
async def phone_forgets_its_subscription(bench: Bench) -> str:
    phone = await _lamp(bench, "1001", "1002")
    phone.say(await phone.asked("NOTIFY"), 481)
    assert (await _register(phone)).status == 200
    bench.later(minutes=10)
    assert (await _register(phone)).status == 200
    return _mac(bench, "1001")


@healthy()
async def phone_watches_on(bench: Bench) -> str:
    phone = await _lamp(bench, "1001", "1002")
    phone.say(await phone.asked("NOTIFY"), 200)
    bench.later(minutes=10)
    assert (await _register(phone)).status == 200
    return _mac(bench, "1001")


@healthy()
async def phone_subscribes_again_after_a_lost_subscription(bench: Bench) -> str:
    phone = await _lamp(bench, "1001", "1002")
    phone.say(await phone.asked("NOTIFY"), 481)
    answer = await phone.ask("SUBSCRIBE", "1002", "Event: dialog", "Expires: 3600", call_id="lamp2")
    assert answer.status == 200
    phone.say(await phone.asked("NOTIFY"), 200)
    bench.later(minutes=10)
    assert (await _register(phone)).status == 200
    return _mac(bench, "1001")


@healthy()
async def phone_ends_its_subscription_itself(bench: Bench) -> str:
    phone = await _lamp(bench, "1001", "1002")
    first = await phone.asked("NOTIFY")
    phone.say(first, 200)
    tag = (first.headers.first("from") or "").partition(";tag=")[2]
    answer = await phone.ask(
        "SUBSCRIBE", "1002", "Event: dialog", "Expires: 0", call_id="lamp", to_tag=tag
    )
    assert answer.status == 200
    phone.say(await phone.asked("NOTIFY"), 481)
    bench.later(minutes=10)
    assert (await _register(phone)).status == 200
    return _mac(bench, "1001")
