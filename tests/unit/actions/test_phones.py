"""Answering phones: each decision, one Attempt each, and the guide's words."""

import asyncio
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.actions import phones as phones_module
from offhook.actions.phone_answer import Answer
from offhook.actions.throttle import StrangerThrottle
from offhook.core.events import AttemptRecorded
from offhook.core.mac import Mac
from offhook.core.model import OutcomeKind
from offhook.core.render import Templates
from offhook.tasks import spawn
from offhook.telling import attempt_lines
from tests.contract import build
from tests.world import HOME, MAKERS, PROFILES, World, agent_of, code_of, mac, model_of

YEALINK = "Yealink SIP-T46S 66.85.0.15"
OFFICE = "192.168.1.77"


def recorded(world: World) -> int:
    """How many attempts were told, once to each listener."""
    told = [event for event in world.seen if isinstance(event, AttemptRecorded)]
    assert [event.attempt for event in told] == world.journal.recorded
    return len(told)


def lines(answer: Answer) -> list[str]:
    return [line for _, line in attempt_lines(answer.attempt, "192.168.1.14:5060")]


# --- serving -------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", MAKERS)
async def test_serves_a_device_its_file_and_records_it(vendor: str) -> None:
    world = await World.make()
    device = await world.device(vendor=vendor)
    answer = await world.fetch(device)
    attempt = answer.attempt
    assert (answer.status, attempt.kind, attempt.fault) == (200, OutcomeKind.SERVED, "")
    assert answer.body
    assert answer.etag == f'"{attempt.digest}"'
    assert (attempt.mac, attempt.vendor, attempt.extension) == (device.mac, vendor, "1001")
    assert (attempt.extension_name, attempt.size_bytes) == ("Name 1001", len(answer.body))
    seen = world.state.sightings[device.mac]
    assert seen.address == HOME
    assert seen.last_provisioned == world.clock.now()
    assert world.files.expected(device.mac)[attempt.file] == seen.delivered[attempt.file]
    assert world.journal.sightings[device.mac] == seen
    assert recorded(world) == 1


@pytest.mark.parametrize(
    "spelling",
    [
        "00:15:65:12:34:56",
        "00-15-65-12-34-56",
        "0015.6512.3456",
        "001565123456",
        "00:15:65:AB:CD:EF".lower(),
        "001565ABCDEF",
    ],
)
async def test_serves_every_spelling_of_a_mac(spelling: str) -> None:
    world = await World.make()
    await world.device()
    await world.device("001565abcdef")
    answer = await world.ask(f"{spelling}.cfg", user_agent="curl/8.5.0")
    assert answer.status == 200
    assert answer.attempt.mac_text == spelling


async def test_serves_after_a_placeholder_segment() -> None:
    world = await World.make()
    device = await world.device()
    answer = await world.ask("$mac.cfg/001565123456.cfg", user_agent=YEALINK)
    assert answer.status == 200
    assert answer.attempt.file == "001565123456.cfg"
    assert world.state.sightings[device.mac].delivered


async def test_the_guides_nine_lines() -> None:
    world = await World.make()
    await world.extensions.change_extension("test", "1001", name="John Smith")
    await world.device(model="t46s")
    answer = await world.ask("001565123456.cfg", user_agent=YEALINK)
    size = len(answer.body)
    assert lines(answer) == [
        "Provisioning request received for MAC: 001565123456",
        f"  Request from IP: {HOME}",
        "  User-Agent: Yealink SIP-T46S 66.85.0.15",
        "  Found device: vendor=yealink, model=t46s, extension=1001",
        "  Extension found: 1001 (John Smith)",
        "  Server config: SIP=192.168.1.14:5060",
        "✓ Successfully generated config for device 001565123456",
        f"  Config size: {size} bytes, Content-Type: text/plain",
        f"✓ Provisioning config delivered: {size} bytes to {HOME}",
    ]


@pytest.mark.parametrize("mark", ['"{}"', 'W/"{}"', '"other", "{}"'])
async def test_unchanged_counts_as_fetched(mark: str) -> None:
    world = await World.make()
    device = await world.device()
    first = await world.fetch(device)
    world.clock.pass_s(60)
    world.state.sightings.clear()
    answer = await world.fetch(device, if_none_match=mark.format(first.attempt.digest))
    assert (answer.status, answer.body) == (304, b"")
    assert answer.etag == first.etag
    assert answer.attempt.kind is OutcomeKind.UNCHANGED
    assert answer.attempt.is_delivery
    assert world.state.sightings[device.mac].delivered == {
        answer.attempt.file: first.attempt.digest
    }
    assert "✓ Provisioning config unchanged" in lines(answer)[-1]


async def test_another_etag_gets_the_file() -> None:
    world = await World.make()
    device = await world.device()
    assert (await world.fetch(device, if_none_match='"old", W/"older"')).status == 200


async def test_head_is_no_delivery_and_says_so() -> None:
    world = await World.make()
    device = await world.device()
    answer = await world.ask("001565123456.cfg", user_agent=YEALINK, method="HEAD")
    assert answer.status == 200
    assert not answer.attempt.is_delivery
    assert world.state.sightings[device.mac].last_provisioned is None
    assert world.state.sightings[device.mac].delivered == {}
    assert not any("delivered" in line for line in lines(answer))


@pytest.mark.parametrize("user_agent", ["curl/8.5.0", "Wget/1.21", "python-requests/2.31"])
async def test_a_persons_tool_is_no_delivery(user_agent: str) -> None:
    world = await World.make()
    device = await world.device()
    answer = await world.ask("001565123456.cfg", user_agent=user_agent)
    assert answer.status == 200
    assert not answer.attempt.is_delivery
    assert device.mac not in world.state.sightings


async def test_a_test_download_is_no_delivery_and_marked() -> None:
    world = await World.make()
    device = await world.device()
    answer = await world.ask("001565123456.cfg", user_agent=YEALINK, is_test=True)
    assert answer.status == 200
    assert not answer.attempt.is_delivery
    assert device.mac not in world.state.sightings
    assert "test download" in lines(answer)[0]


async def test_common_file_needs_no_device_and_holds_no_secret() -> None:
    world = await World.make()
    model = PROFILES["yealink"].model("t46s")
    assert model is not None
    answer = await world.ask(f"{code_of(model)}.cfg", user_agent=YEALINK)
    assert answer.status == 200
    assert answer.attempt.mac is None
    assert not answer.attempt.is_device_file
    assert "common file" in lines(answer)[0]


async def test_common_file_of_a_known_device_is_its_delivery_but_no_provisioning() -> None:
    world = await World.make()
    device = await world.device(model="t46s")
    model = PROFILES["yealink"].model("t46s")
    assert model is not None
    agent = agent_of("yealink", model, device.mac)
    answer = await world.ask(f"{code_of(model)}.cfg", user_agent=agent)
    seen = world.state.sightings[device.mac]
    assert answer.attempt.mac == device.mac
    assert list(seen.delivered) == [f"{code_of(model)}.cfg"]
    assert seen.last_provisioned is None
    assert seen.delivered.items() <= dict(world.files.expected(device.mac)).items()


async def test_everything_a_phone_is_expected_to_fetch_it_finds() -> None:
    world = await World.make()
    for place, vendor in enumerate(MAKERS):
        device = await world.device(f"0015651234{place:02x}", vendor)
        for name in world.files.expected(device.mac):
            answer = await world.ask(
                name,
                user_agent=agent_of(vendor, model_of(vendor), device.mac),
                query=f"mac={device.mac}",
            )
            assert answer.status == 200, name
        seen = world.state.sightings[device.mac].delivered
        assert seen == dict(world.files.expected(device.mac))


# --- refusing ------------------------------------------------------------------------------------


async def test_refuses_a_placeholder_word_for_word_with_the_makers_steps() -> None:
    world = await World.make()
    answer = await world.ask("{mac}.cfg", user_agent="Zultys ZIP 33G - 47.85.0.15")
    attempt = answer.attempt
    assert (answer.status, attempt.fault) == (400, "P201")
    told = lines(answer)
    assert told[0] == (
        "CONFIGURATION ERROR: Phone requested provisioning with placeholder '{mac}' instead of "
        "actual MAC address"
    )
    assert told[1] == f"  Request from IP: {HOME}, path: {{mac}}.cfg"
    assert told[2] == "  User-Agent: Zultys ZIP 33G - 47.85.0.15"
    text = "\n".join(told)
    assert "For Zultys phones:" in text
    assert "Phone Menu → Setup → Network → Provisioning" in text
    assert "http://192.168.1.14:8080/provision/$mac.cfg" in text
    assert "Note: Use `$mac` NOT `{mac}`" in text
    assert "Reboot the phone to apply new provisioning URL" in text
    assert attempt.mac_text == "{mac}"
    assert answer.body.decode().startswith("P201 CONFIGURATION ERROR: ")
    assert recorded(world) == 1


@pytest.mark.parametrize(
    ("user_agent", "known_at_address", "words"),
    [
        ("Cisco-SPA303/7.6.2", "yealink", "For Cisco phones:"),
        ("", "polycom", "For Polycom phones:"),
        ("Mozilla/4.0", "zultys", "For Zultys phones:"),
        ("", "", "for your vendor:"),
    ],
)
async def test_steps_are_the_agents_maker_then_the_addresss_then_general(
    user_agent: str, known_at_address: str, words: str
) -> None:
    world = await World.make()
    if known_at_address:
        device = await world.device(vendor=known_at_address)
        await world.fetch(device)
    answer = await world.ask("$MA.cfg", user_agent=user_agent)
    assert any(words in line for line in lines(answer))


async def test_the_last_phone_of_an_address_is_known_after_a_restart() -> None:
    world = await World.make()
    device = await world.device(vendor="zultys")
    await world.fetch(device)
    world.assemble()
    await world.phones.catch_up()
    answer = await world.ask("{mac}.cfg")
    assert any("For Zultys phones:" in line for line in lines(answer))


async def test_unknown_device_block_word_for_word() -> None:
    world = await World.make()
    for known in ("000bea85ed68", "000bea85f554"):
        await world.device(known, "zultys")
    answer = await world.ask("000bea85abcd.cfg", user_agent="curl/8.5.0")
    assert answer.status == 404
    assert lines(answer)[:8] == [
        "Device 00:0B:EA:85:AB:CD not registered in provisioning system",
        "  Normalized MAC: 000bea85abcd",
        "  Registered devices: ['000bea85ed68', '000bea85f554']",
        "  → Device needs to be registered first",
        "  → Register via API: POST /api/provisioning/devices",
        '     with JSON: {"mac_address":"00:0B:EA:85:AB:CD","extension_number":"XXXX",'
        '"vendor":"VENDOR","model":"MODEL"}',
        "  → Similar MACs found (same vendor): ['000bea85ed68', '000bea85f554']",
        "     This might be a typo in the MAC address",
    ]


async def test_unknown_device_is_told_with_what_its_agent_says() -> None:
    world = await World.make()
    answer = await world.ask("001565ab0001.cfg", user_agent=YEALINK)
    assert lines(answer)[-2:] == [
        "  → The phone itself seems to be: vendor=yealink, model=t46s",
        '     so send: {"mac_address":"00:15:65:AB:00:01","extension_number":"XXXX",'
        '"vendor":"yealink","model":"t46s"}',
    ]
    (phone,) = world.state.unknown.values()
    assert (phone.vendor, phone.model, phone.firmware) == ("yealink", "t46s", "66.85.0.15")
    assert world.journal.unknown[phone.mac] == phone


async def test_the_phone_learns_nothing_of_other_devices() -> None:
    world = await World.make()
    await world.device("000bea85ed68", "zultys")
    answer = await world.ask("000bea85abcd.cfg")
    assert b"ed68" not in answer.body
    assert b"P301" in answer.body


async def test_a_known_phone_with_another_makers_agent_is_served_and_reported() -> None:
    world = await World.make()
    await world.device(vendor="yealink", model="t46s")
    answer = await world.ask("001565123456.cfg", user_agent="Zultys ZIP 33G - 47.85.0.15")
    assert answer.status == 200
    (notice,) = answer.attempt.notices
    assert notice.startswith("P304 device 00:15:65:12:34:56 is registered as Yealink")
    assert f"  {notice}" in lines(answer)


async def test_a_refused_phone_that_is_known_is_recorded_with_its_device() -> None:
    world = await World.make()
    await world.device()
    answer = await world.ask("SEP001565123456.xml", user_agent=YEALINK)
    assert (answer.status, answer.attempt.fault) == (404, "P203")
    assert (answer.attempt.vendor, answer.attempt.extension) == ("yealink", "1001")


async def test_probes_are_plain_404s_without_fault() -> None:
    world = await World.make()
    await world.device()
    answer = await world.ask("001565123456.boot", user_agent=YEALINK)
    assert (answer.status, answer.attempt.kind, answer.attempt.fault) == (
        404,
        OutcomeKind.OPTIONAL,
        "",
    )
    assert answer.attempt.is_success


async def test_switched_off_answers_nobody() -> None:
    world = await World.make(is_enabled=False)
    await world.device()
    answer = await world.ask("001565123456.cfg", user_agent=YEALINK)
    assert (answer.status, answer.attempt.fault, answer.retry_after_s) == (503, "P101", 60)


async def test_strange_networks_are_refused_and_leave_no_trace_but_the_attempt() -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    before = dict(world.state.sightings)
    for name in ("001565123456.cfg", "00156512abcd.cfg"):
        answer = await world.ask(name, user_agent=YEALINK, address="203.0.113.7")
        assert (answer.status, answer.attempt.fault) == (403, "P801")
    assert world.state.sightings == before
    assert not world.state.unknown
    assert recorded(world) == 3


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0", "fd00::7"])
async def test_private_networks_are_served(address: str) -> None:
    world = await World.make()
    device = await world.device()
    assert (await world.fetch(device, address=address)).status == 200


# --- whatever happens ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{ nothing }}", "P701"),
        ("{% if %}", "P701"),
        ("{{ lines[0].secret.nothing }}", "P701"),
        ("no header", "P702"),
    ],
)
async def test_a_template_that_fails_is_500_with_its_fault(template: str, code: str) -> None:
    world = await World.make()
    device = await world.device()
    secret = world.state.extensions["1001"].secret.reveal()
    broken = Templates({**build.templates().sources, "yealink/main.cfg.j2": template})
    world.state.source = replace(world.state.source, templates=broken)
    world.files.forget_all()
    answer = await world.fetch(device)
    assert (answer.status, answer.attempt.fault) == (500, code)
    assert (answer.attempt.vendor, answer.attempt.extension) == ("yealink", "1001")
    assert secret not in answer.body.decode() + str(lines(answer))
    assert recorded(world) == 1


async def test_a_missing_extension_is_500_with_its_fault() -> None:
    world = await World.make("1001", "1002")
    device = await world.device(model="t46s", lines=("1001", "1002"))
    del world.state.extensions["1002"]
    answer = await world.fetch(device)
    assert (answer.status, answer.attempt.fault) == (500, "P308")
    assert "extension 1002, which does not exist" in answer.attempt.error


async def test_what_nobody_expected_is_500_recorded_and_logged_without_its_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = await World.make()
    device = await world.device()

    def fail(*_: object) -> None:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr(phones_module, "decide", fail)
    answer = await world.fetch(device)
    assert (answer.status, answer.attempt.fault) == (500, "P703")
    assert answer.attempt.mac == device.mac
    assert b"hunter2" not in answer.body
    assert "hunter2" not in answer.attempt.error + answer.attempt.hint
    assert recorded(world) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_an_upload_store_that_fails_is_500_and_recorded(method: str) -> None:
    world = await World.make()
    await world.fetch(await world.device())
    world.uploads.fails = True
    answer = await world.ask("001565123456-local.cfg", method=method, body=b"a = 1")
    assert (answer.status, answer.attempt.fault) == (500, "P703")
    assert "the database is gone" in answer.attempt.error
    assert recorded(world) == 2


@given(
    st.text(max_size=80)
    | st.sampled_from(
        [
            "001565123456.cfg",
            "\ud800001565123456.cfg",
            "$mac.cfg/\x00",
            "{mac}\n.cfg",
            "001565123456-local.cfg",
        ]
    ),
    st.text(max_size=80) | st.sampled_from([YEALINK, "Zultys ZIP 33G - 1.0\n2025 - PBX"]),
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "BREW"]),
    st.sampled_from([HOME, "", "not an address", "203.0.113.9", "::1"]),
    st.text(max_size=30),
)
@settings(
    max_examples=70,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_request_is_answered_and_leaves_one_attempt(
    path: str, user_agent: str, method: str, address: str, query: str
) -> None:
    world = await World.make()
    await world.device()
    answer = await world.ask(
        path, user_agent=user_agent, method=method, address=address, query=query
    )
    assert 200 <= answer.status < 600
    assert answer.status != 500
    assert recorded(world) == 1
    assert list(attempt_lines(answer.attempt, ""))
    assert len(answer.attempt.error) < 1000


# --- uploads -------------------------------------------------------------------------------------


async def test_keeps_an_upload_and_gives_it_back() -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    before = world.state.sightings[device.mac]
    put = await world.ask(
        "001565123456-LOCAL.cfg", user_agent=YEALINK, method="PUT", body=b"a = 1\n"
    )
    assert (put.status, put.attempt.kind) == (201, OutcomeKind.STORED)
    assert "upload kept: 001565123456-LOCAL.cfg (6 bytes)" in lines(put)[0]
    got = await world.ask("001565123456-local.cfg", user_agent=YEALINK)
    assert (got.status, got.body) == (200, b"a = 1\n")
    assert "Content-Type: application/octet-stream" in "\n".join(lines(got))
    assert world.state.sightings[device.mac].delivered == before.delivered
    assert world.state.sightings[device.mac].last_provisioned == before.last_provisioned


async def test_this_host_is_answered_whatever_its_address() -> None:
    world = await World.make()
    await world.device()
    own = await world.ask("001565123456.cfg", address="203.0.113.7", is_local=True)
    assert own.status == 200


async def test_only_the_phones_own_address_may_upload_however_often_another_tries() -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    for _ in range(3):
        answer = await world.ask(
            "001565123456-local.cfg", user_agent=YEALINK, method="PUT", address=OFFICE, body=b"x"
        )
        assert (answer.status, answer.attempt.fault) == (403, "P803")
    assert not world.uploads.kept
    assert world.state.sightings[device.mac].address == HOME


async def test_refuses_an_upload_that_is_too_large() -> None:
    world = await World.make()
    await world.fetch(await world.device())
    answer = await world.ask("001565123456-local.cfg", method="PUT", body=b"x" * 1001)
    assert answer.status == 413
    assert not world.uploads.kept
    assert "not kept, too large" in lines(answer)[0]


async def test_an_upload_never_made_is_no_alarm() -> None:
    world = await World.make()
    await world.device()
    answer = await world.ask("001565123456-local.cfg", user_agent=YEALINK)
    assert (answer.status, answer.attempt.kind) == (404, OutcomeKind.OPTIONAL)


async def test_keeps_no_upload_of_strangers() -> None:
    world = await World.make()
    answer = await world.ask("00156512abcd-local.cfg", method="PUT", body=b"a = 1\n")
    assert answer.status in (403, 404, 405)
    assert not world.uploads.kept


# --- throttle ------------------------------------------------------------------------------------


async def strange(world: World, count: int, first: int = 0x020000000001, **more: str) -> None:
    for value in range(first, first + count):
        await world.ask(f"{Mac(value)}.cfg", **more)


async def test_throttles_who_asks_for_many_unknown_macs() -> None:
    world = await World.make(unknown_per_minute=5)
    at_home = await world.device("001565123401")
    elsewhere = await world.device("001565123402")
    await world.fetch(at_home, address=OFFICE)
    await world.fetch(elsewhere)
    await strange(world, 6, address=OFFICE)
    stranger = await world.ask("020000000001.cfg", address=OFFICE)
    assert (stranger.status, stranger.attempt.fault) == (429, "P802")
    assert stranger.retry_after_s == 60
    assert (await world.fetch(at_home, address=OFFICE)).status == 200
    assert (await world.fetch(elsewhere)).status == 200
    for _ in range(3):  # asking again does not make the address its home
        assert (await world.fetch(elsewhere, address=OFFICE)).status == 429
    assert world.state.sightings[elsewhere.mac].address == HOME


async def test_throttling_ends_after_a_minute() -> None:
    world = await World.make(unknown_per_minute=5)
    device = await world.device()
    await strange(world, 6)
    assert (await world.fetch(device)).status == 429
    world.clock.pass_s(61)
    assert (await world.fetch(device)).status == 200


async def test_the_same_unknown_mac_again_and_again_throttles_nobody() -> None:
    world = await World.make(unknown_per_minute=5)
    for _ in range(50):
        assert (await world.ask("020000000001.cfg")).status == 404


async def test_this_hosts_own_checks_pass_the_throttle() -> None:
    world = await World.make(unknown_per_minute=5)
    await world.device()
    await strange(world, 6, address="127.0.0.1")
    known = await world.ask("001565123456.cfg", address="127.0.0.1", is_local=True)
    assert known.status == 200
    unknown = await world.ask("020000000001.cfg", address="127.0.0.1", is_local=True)
    assert unknown.status == 429


async def test_a_throttled_address_still_gets_common_files() -> None:
    world = await World.make(unknown_per_minute=5)
    model = PROFILES["yealink"].model("t46s")
    assert model is not None
    await strange(world, 6)
    assert (await world.ask(f"{code_of(model)}.cfg", user_agent=YEALINK)).status == 200
    assert (await world.ask("{mac}.cfg", user_agent=YEALINK)).status == 400


def test_sources_are_bounded() -> None:
    throttle = StrangerThrottle(100)
    for value in range(1, 20_000):
        throttle.count_unknown(f"10.0.{value >> 8}.{value & 255}", Mac(value), 0.0)
    assert len(throttle._sources) <= 4096


async def test_a_flood_of_unknown_macs_costs_bounded_memory() -> None:
    world = await World.make(unknown_per_minute=1_000_000)
    for number in range(40):
        await world.device(f"0200001{number:05x}", "yealink")
    world.forget_listeners()  # what listeners keep is theirs to bound

    async def flood(first: int, count: int) -> None:
        for value in range(first, first + count):
            await world.ask(f"{value:012x}.cfg", user_agent=YEALINK, address=OFFICE)
        world.journal.recorded.clear()
        world.journal.unknown.clear()
        world.clock.pass_s(61)

    def pass_by(first: int) -> None:
        """30,000 strangers more, for what keeps anything of them."""
        for value in range(first, first + 30_000):
            stranger = replace(phone, mac=Mac(value))
            world.phones._throttle.count_unknown(OFFICE, stranger.mac, world.clock.monotonic())
            world.state.see_unknown(stranger)
            if value % 1000 == 0:
                world.clock.pass_s(61)

    await flood(0x020000100000, 1001)
    phone = next(iter(world.state.unknown.values()))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await flood(0x020000300000, 200)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    pass_by(0x020000400000)
    await flood(0x020000500000, 200)
    assert len(world.state.unknown) == 1000
    assert after - before < 1_000_000


async def test_unknown_phones_are_counted_and_the_oldest_goes_first() -> None:
    world = await World.make(unknown_per_minute=10_000)
    await strange(world, 1000)
    await strange(world, 1)
    await strange(world, 1, first=0x030000000001)
    assert len(world.state.unknown) == 1000
    assert mac("020000000002") not in world.state.unknown
    assert mac("020000000002") not in world.journal.unknown
    assert world.state.unknown[mac("020000000001")].count == 2


async def test_registering_an_unknown_phone_takes_it_off_the_list_for_good() -> None:
    world = await World.make()
    await world.ask("001565123456.cfg", user_agent=YEALINK)
    assert world.state.unknown
    device = await world.device()
    assert not world.state.unknown
    world.store.unknown = list(world.journal.unknown.values())
    again = World()
    again.store = world.store
    again.state.store = world.store
    await again.state.load()
    assert again.state.devices == {device.mac: device}
    assert not again.state.unknown


async def test_similar_macs_are_found_wherever_the_digit_is_wrong() -> None:
    world = await World.make()
    for number in range(100):
        await world.device(f"000bea{0x850000 + number:06x}", "zultys")
    right = await world.device("000bea15ed68", "zultys")
    for wrong in ("000beaf5ed68", "000bea1ded68", "000bea51ed68", "000bea15ed69"):
        assert world.state.similar(mac(wrong))[0] == right.mac
    assert world.state.similar(mac("001565000001")) == []


async def test_what_a_crash_kept_from_being_stored_is_seen_again() -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    seen = world.state.sightings.pop(device.mac)
    await world.phones.catch_up()
    assert world.state.sightings[device.mac] == seen
    await world.phones.catch_up()
    assert world.state.sightings[device.mac] == seen


async def test_before_the_past_is_loaded_registered_phones_get_their_files() -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    before = world.state.sightings[device.mac]
    stored = replace(before, firmware="1.2.3", delivered={**before.delivered, "old.cfg": "ab"})
    world.store.sightings.append(stored)
    world.state.sightings.clear()
    world.assemble()
    world.phones.hold()
    world.clock.pass_s(5)
    waiting = spawn(world.fetch(device), "phone")
    stranger = spawn(world.ask("001565ffffff.cfg"), "stranger")
    answer = world.at_once(device)
    await asyncio.sleep(0)
    assert answer is not None
    assert (answer.status, waiting.done(), stranger.done()) == (200, False, False)
    assert not world.state.sightings
    await world.state.load_seen()
    await world.phones.catch_up()
    assert [(await waiting).status, (await stranger).status] == [200, 404]
    seen = world.state.sightings[device.mac]
    assert seen.last_contact == world.clock.now()
    assert seen.delivered == stored.delivered
    assert world.state.unknown


async def test_before_the_past_is_loaded_all_others_wait() -> None:
    world = await World.make()
    device = await world.device()
    world.phones.hold()
    for path in ("001565ffffff.cfg", "$MA.cfg", f"{device.mac.plain}-unknown.bin"):
        assert world.at_once(device, path) is None, path
    assert not [it for it in world.seen if isinstance(it, AttemptRecorded)]
    await world.phones.catch_up()
    assert world.at_once(device, "001565ffffff.cfg") is not None
