"""Changes: checked as a whole, durable before visible, and waking exactly the phones concerned."""

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from offhook.actions import changing
from offhook.actions.changing import new_password
from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.reboots import Target
from offhook.core.events import Changed
from offhook.core.inventory import SITE, expected_files, model_scope, vendor_scope
from offhook.core.mac import Mac
from offhook.core.model import Device, Reboot, RebootStep, SettingScope
from offhook.core.render import Templates
from offhook.errors import BadRequestError, StoreError
from tests.contract import build
from tests.world import (
    MAKERS,
    PROFILES,
    World,
    agent_of,
    mac,
    model_of,
    registration,
    settle,
    sip_agent_of,
    until,
)

T = TypeVar("T")

HOSTILE = [
    'A & B <x> "q"',
    "Zoë O'Neil",
    "{{ secret }}",
    "{% include 'x' %}{{ lines }}",
    "أحمد علي",
    "דוד כהן",
    "%NULL%",
    "# comment",
    "a = b",
    "]]>",
    "&amp;",
    "-->",
    "x\u200fy",
    "x" * 100,
    "two\nlines",
    "x" * 300,
    "nul\x00",
    "\ud800",
    "\ufffe",
    "\u202eright",
    "",
]


async def all_makers(*numbers: str) -> tuple[World, list[Device]]:
    """One device of each maker, all registered by SIP, all lines on the first number."""
    world = await World.make(*numbers)
    devices = []
    for place, vendor in enumerate(MAKERS):
        device = await world.device(
            f"0015651234{place:02x}", vendor, lines=(numbers or ("1001",))[:1]
        )
        agent = sip_agent_of(vendor, model_of(vendor), device.mac)
        world.engine.bindings.append(
            registration(device.extension, port=5000 + place, user_agent=agent)
        )
        devices.append(device)
    return world, devices


async def tried(call: Awaitable[T]) -> T | BadRequestError:
    """What came of a call that may be refused."""
    try:
        return await call
    except BadRequestError as error:
        return error


def account_of(world: World, device: Device) -> Mapping[str, str]:
    """The first account as the device's phone reads it from its file."""
    profile = PROFILES[device.vendor]
    model = profile.model(device.model)
    assert model is not None
    rule = build.main_rule(profile, model)
    text = world.files.device_file(device, rule).body.decode()
    return build.first_account(profile, build.parse(rule, text))


def woken(world: World) -> set[str]:
    return set(world.engine.contacts_notified())


def picture(world: World) -> tuple[object, ...]:
    state = world.state
    return (
        dict(state.extensions),
        dict(state.devices),
        dict(state.settings),
        list(state._sorted),
        {number: set(macs) for number, macs in state._by_extension.items()},
        state.revision,
        state.source.templates,
    )


def changed_of(world: World) -> list[str]:
    return [
        f"{event.change.noun} {event.change.subject} {event.change.action}"
        for event in world.seen
        if isinstance(event, Changed)
    ]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name)[:20] for name in HOSTILE])
async def test_a_hostile_name_is_data_or_is_refused_with_nothing_changed(name: str) -> None:
    world, devices = await all_makers()
    before = picture(world)
    done = await tried(world.extensions.change_extension("test", "1001", name=name))
    if isinstance(done, BadRequestError):
        assert done.status == 400
        assert done.hint
        assert str(done).isprintable()
        assert picture(world) == before
        assert not world.engine.orders
        return
    extension, _ = done
    for device in devices:
        account = account_of(world, device)
        assert account["display_name"] == account["label"] == extension.name == name.strip()
        assert account["secret"] == extension.secret.reveal()
        assert (await world.fetch(device)).status == 200


@pytest.mark.parametrize("label", HOSTILE[:-1], ids=[ascii(name)[:20] for name in HOSTILE[:-1]])
@pytest.mark.parametrize("vendor", MAKERS)
async def test_a_hostile_label_is_data_or_is_refused(vendor: str, label: str) -> None:
    world = await World.make()
    spec = DeviceSpec(
        mac_address="001565123456",
        vendor=vendor,
        model=model_of(vendor).name,
        lines=[LineSpec(extension="1001", label=label)],
    )
    done = await tried(world.devices.put_device("test", spec))
    if isinstance(done, BadRequestError):
        assert done.status == 400
        assert not world.state.devices
        return
    device, _ = done
    assert account_of(world, device)["label"] == label.strip()
    assert account_of(world, device)["display_name"] == "Name 1001"


async def test_a_line_break_and_three_hundred_characters_are_refused_everywhere() -> None:
    world = await World.make()
    for name in ("two\nlines", "x" * 300, "nul\x00", "\ud800", "\ufffe"):
        with pytest.raises(BadRequestError, match=r"^name "):
            await world.extensions.add_extension("test", number="7", name=name)
    assert list(world.state.extensions) == ["1001"]


@pytest.mark.parametrize("vendor", MAKERS)
@pytest.mark.parametrize("secret", ["&<>\"'{}%$", "{{secret}}x", "%NULL%%NULL%", "#;=,:|\\/`~"])
async def test_a_hostile_secret_reaches_the_phone_unchanged_or_is_refused(
    vendor: str, secret: str
) -> None:
    world = await World.make()
    device = await world.device(vendor=vendor)
    before = picture(world)
    done = await tried(world.extensions.change_extension("test", "1001", secret=secret))
    if isinstance(done, BadRequestError):
        assert secret not in str(done)
        assert picture(world) == before
    else:
        assert account_of(world, device)["secret"] == secret


# --- whom a change wakes -------------------------------------------------------------------------


async def test_renaming_wakes_exactly_the_phones_of_the_extension() -> None:
    world, devices = await all_makers("1001", "1002")
    other = await world.device("001565120099", lines=("1002",))
    world.engine.bindings.append(registration("1002", port=7000, phone=other.mac))
    expected = {item.contact for item in world.engine.bindings if item.extension == "1001"}
    _, changes = await world.extensions.change_extension("test", "1001", name="Jane Roe")
    assert woken(world) == expected
    assert {reboot.mac for reboot in changes.reboots} == {device.mac for device in devices}
    assert len(world.engine.orders) == len(devices)
    assert changes.is_reboot_triggered
    assert changes.pending == ()


async def test_same_models_behind_one_address_are_each_told_once() -> None:
    world = await World.make()
    for place in (1, 2, 3):
        device = await world.device(f"00156512340{place}", "grandstream")
        await world.fetch(device)
        world.engine.bindings.append(
            registration(port=5000 + place, user_agent=sip_agent_of("grandstream"))
        )
    await world.extensions.change_extension("test", "1001", name="Jane Roe")
    assert sorted(world.engine.contacts_notified()) == sorted(
        item.contact for item in world.engine.bindings
    )


async def test_behind_other_orders_a_change_is_answered_while_its_own_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await World.make("1001", "1002", per_second=0.001)
    for port, number in enumerate(("1001", "1002"), start=5000):
        device = await world.device(f"00156500{number}", lines=(number,))
        world.engine.bindings.append(registration(number, port=port, phone=device.mac))
    monkeypatch.setattr(changing, "SENT_WAIT_S", 3600)
    _, first = await world.extensions.change_extension("alice", "1001", name="First")
    assert first.is_reboot_triggered
    _, second = await world.extensions.change_extension("alice", "1002", name="Second")
    (reboot,) = second.reboots
    assert (reboot.step, second.is_reboot_triggered) == (RebootStep.PENDING, False)
    assert reboot.id in world.reboot_store.kept
    await world.reboots.stop()


async def test_a_change_that_changes_no_file_wakes_nobody() -> None:
    world, _ = await all_makers()
    _, changes = await world.extensions.change_extension("test", "1001", email="a@example.com")
    assert not changes.reboots
    assert not changes.pending
    _, changes = await world.extensions.change_extension("test", "1001", name="Name 1001")
    assert not changes.reboots
    assert not world.engine.orders


async def test_phones_that_are_not_registered_are_pending() -> None:
    world = await World.make()
    device = await world.device()
    _, changes = await world.extensions.change_extension("test", "1001", name="Jane Roe")
    assert changes.pending == (device.mac,)
    assert not changes.is_reboot_triggered


async def test_registering_a_device_wakes_an_unidentified_agent_of_its_extension() -> None:
    world = await World.make()
    world.engine.bindings = [registration(user_agent="baresip v1.0.0")]
    device, changes = await world.put()
    assert changes.is_new
    assert changes.is_reboot_triggered
    (reboot,) = changes.reboots
    assert (reboot.mac, reboot.contact) == (device.mac, world.engine.bindings[0].contact)


async def test_registering_a_device_beside_a_known_sibling_leaves_the_sibling_alone() -> None:
    world = await World.make()
    sibling = await world.device("001565120001")
    await world.fetch(sibling)
    world.engine.bindings = [registration(user_agent=sip_agent_of("yealink"))]
    _, changes = await world.put("001565120002")
    assert not changes.is_reboot_triggered
    assert changes.pending == (mac("001565120002"),)
    assert not world.engine.orders


async def test_registering_again_wakes_too_and_replaces() -> None:
    world = await World.make()
    first, _ = await world.put()
    world.engine.bindings = [registration(user_agent="baresip v1.0.0")]
    world.clock.pass_s(60)
    again, changes = await world.put(model="t46s")
    assert not changes.is_new
    assert changes.is_reboot_triggered
    assert (again.created_at, again.admin_password) == (first.created_at, first.admin_password)
    assert again.updated_at > first.updated_at
    assert world.state.devices == {again.mac: again} == world.store.devices


async def test_a_device_that_died_silently_was_told_and_a_connection_lost_was_not() -> None:
    world = await World.make()
    world.engine.bindings = [registration(user_agent="baresip v1.0.0")]
    contact = world.engine.bindings[0].contact
    world.engine.scripts[contact] = asyncio.get_running_loop().create_future()
    _, changes = await world.put()
    assert changes.is_reboot_triggered
    await world.reboots.stop()
    world.assemble()
    world.engine.scripts[contact] = ConnectionRefusedError("refused")
    world.engine.unsendable = {contact}
    _, changes = await world.put()
    assert not changes.is_reboot_triggered
    assert [reboot.step for reboot in changes.reboots] == [RebootStep.FAILED]


async def test_a_device_moved_to_another_extension_is_told_where_it_still_registers() -> None:
    world = await World.make("1001", "1002")
    await world.device(vendor="grandstream")
    world.engine.bindings = [registration("1001", user_agent=sip_agent_of("grandstream"))]
    _, changes = await world.devices.change_device(
        "test", DeviceSpec(mac_address="001565123456", lines=[LineSpec(extension="1002")])
    )
    assert changes.is_reboot_triggered
    assert woken(world) == {"sip:1001@192.168.1.50:5060"}


async def test_a_shared_extension_tells_every_phone_and_a_label_only_its_own() -> None:
    world = await World.make("1001", "1002")
    one = await world.device("001565120001", model="t46s", lines=("1001", "1002"))
    two = await world.device("001565120002", model="t46s", lines=("1002", "1001"))
    world.engine.bindings = [
        registration("1001", port=1, phone=one.mac),
        registration("1002", port=2, phone=two.mac),
    ]
    await world.extensions.change_extension("test", "1001", name="Jane Roe")
    assert len(woken(world)) == 2
    await world.fetch(one)
    await world.fetch(two)
    world.engine.orders.clear()
    lines = [LineSpec(extension="1001", label="Desk"), LineSpec(extension="1002")]
    await world.devices.change_device("test", DeviceSpec(mac_address="001565120001", lines=lines))
    assert woken(world) == {"sip:1001@192.168.1.50:1"}


@pytest.mark.parametrize("vendor", MAKERS)
async def test_a_changed_file_is_served_at_once(vendor: str) -> None:
    world = await World.make()
    device = await world.device(vendor=vendor)
    first = await world.fetch(device)
    await world.extensions.change_extension("test", "1001", name="Jane Roe")
    second = await world.fetch(device)
    assert first.etag != second.etag
    assert b"Jane Roe" in second.body
    assert world.files.expected(device.mac)[second.attempt.file] == second.attempt.digest


# --- settings ------------------------------------------------------------------------------------


async def test_settings_of_a_level_wake_the_phones_of_that_level() -> None:
    world, devices = await all_makers()
    contacts = dict(zip((item.vendor for item in devices), world.engine.bindings, strict=True))
    scopes = {
        world.free_settings.scope("Yealink"): {"yealink"},
        world.free_settings.scope("POLYCOM", model_of("polycom").label): {"polycom"},
        world.free_settings.scope(): set(MAKERS),
    }
    for scope, vendors in scopes.items():
        world.engine.orders.clear()
        world.clock.pass_s(3600)
        _, changes = await world.free_settings.change_settings(
            "test", scope, {"ntp_server": f"ntp.{scope.level}.example"}
        )
        await settle()
        assert woken(world) <= {contacts[vendor].contact for vendor in vendors}
        assert {reboot.vendor for reboot in changes.reboots} <= vendors
        assert changes.reboots


async def test_a_stronger_level_keeps_its_phones_asleep() -> None:
    world, devices = await all_makers()
    for device in devices:
        spec = DeviceSpec(mac_address=str(device.mac), settings={"ntp_server": "own.example"})
        await world.devices.change_device("test", spec)
    world.engine.orders.clear()
    _, changes = await world.free_settings.change_settings(
        "test", SITE, {"ntp_server": "x.example"}
    )
    assert not [reboot for reboot in changes.reboots if reboot.vendor not in ("polycom",)]


async def test_settings_are_merged_by_key_and_none_removes() -> None:
    world = await World.make()
    scope = world.free_settings.scope("yealink")
    change = world.free_settings.change_settings
    await change("test", scope, {"ntp_server": "a", "voicemail_number": "1"})
    after, _ = await change("test", scope, {"ntp_server": None, "codecs": "pcma"})
    assert after == {"voicemail_number": "1", "codecs": "pcma"}
    assert world.state.settings[scope] == world.store.settings[scope] == after
    same, changes = await change("test", scope, {"codecs": "pcma", "never": None})
    assert same == after
    assert changes.reboots == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"time_zone": "Mars"}, "time_zone 'Mars' must be an IANA time zone"),
        ({"codecs": ""}, "codecs '' must be a comma list"),
        ({"bad key": "x"}, "has the key 'bad key'"),
        ({"account.1.label": "a\nb"}, "has the character U+000A"),
        ({"account.1.label": "\ud800"}, "has the character U+D800"),
        ({"account.1.label": "x" * 1025}, "longer than 1024"),
    ],
)
async def test_unusable_settings_are_refused_with_nothing_changed(
    values: dict[str, str | None], words: str
) -> None:
    world = await World.make()
    await world.device()
    before = picture(world)
    good: dict[str, str | None] = {"ntp_server": "good.example"}
    for scope in (vendor_scope("yealink"), model_scope("yealink", model_of("yealink").name)):
        with pytest.raises(BadRequestError, match=re.escape(words)):
            await world.free_settings.change_settings("test", scope, good | values)
    with pytest.raises(BadRequestError, match=re.escape(words)):
        await world.put(settings=good | values)
    assert picture(world) == before


async def test_the_site_takes_no_makers_keys() -> None:
    world = await World.make()
    with pytest.raises(BadRequestError, match="of the site may not have the maker's key P271"):
        await world.free_settings.change_settings("test", SITE, {"P271": "1"})


@pytest.mark.parametrize(
    "scope",
    [
        SettingScope(level="vendor", key="acne"),
        SettingScope(level="vendor", key="Yealink"),
        SettingScope(level="model", key="yealink/t0"),
        SettingScope(level="model", key="yealink/T46S"),
        SettingScope(level="device", key="001565123456"),
        SettingScope(level="site", key="x"),
        SettingScope(level="", key=""),
    ],
)
async def test_a_scope_that_would_never_apply_is_refused(scope: SettingScope) -> None:
    world = await World.make()
    with pytest.raises(BadRequestError):
        await world.free_settings.change_settings("test", scope, {"ntp_server": "a"})
    assert not world.state.settings


@pytest.mark.parametrize("vendor", MAKERS)
async def test_a_value_that_a_makers_file_cannot_carry_is_refused(vendor: str) -> None:
    world = await World.make()
    await world.device(vendor=vendor)
    before = picture(world)
    with pytest.raises(BadRequestError) as caught:
        await world.free_settings.change_settings(
            "test", vendor_scope(vendor), {"-".join("ab") + "=": "x"}
        )
    assert caught.value.status == 400
    assert picture(world) == before


async def test_a_makers_passwords_stay_out_of_change_rows() -> None:
    world = await World.make()
    planted: dict[str, str | None] = {
        "static.security.user_password": "planted-secret-1",
        "account.1.password": "planted-secret-2",
        "features.dnd.enable": "1",
    }
    await world.put(settings=planted)
    await world.free_settings.change_settings("test", vendor_scope("yealink"), planted)
    assert "planted-secret" not in repr(world.store.changes)
    assert "planted-secret" not in repr([e for e in world.seen if isinstance(e, Changed)])
    assert "'features.dnd.enable': '1'" in repr(world.store.changes)


# --- templates -----------------------------------------------------------------------------------


async def test_new_templates_wake_the_phones_whose_files_change() -> None:
    world, _ = await all_makers()
    sources = dict(build.templates().sources)
    sources["zultys/main.cfg.j2"] += "site.own = 1\n"
    source = replace(world.state.source, templates=Templates(sources))
    changes = await world.free_settings.templates_changed(source, "test")
    assert [reboot.vendor for reboot in changes.reboots] == ["zultys"]
    assert world.state.source is source
    device = world.state.devices[Mac(0x001565123404)]
    assert b"site.own = 1" in (await world.fetch(device)).body


async def test_templates_that_fail_are_refused_as_a_whole() -> None:
    world, devices = await all_makers()
    before = picture(world)
    kept = world.files.expected(devices[0].mac)
    sources = dict(build.templates().sources)
    sources["polycom/reg.cfg.j2"] = "{{ nothing }}"
    source = replace(world.state.source, templates=Templates(sources))
    with pytest.raises(BadRequestError, match=r"the files of .* cannot be made") as caught:
        await world.free_settings.templates_changed(source, "test")
    assert caught.value.code == "P701"
    assert picture(world) == before
    assert world.files.expected(devices[0].mac) == kept
    assert not world.engine.orders


async def test_a_device_broken_before_blocks_no_change_and_is_woken_when_mended() -> None:
    world = await World.make("1001", "1002")
    broken = await world.device(model="t46s", lines=("1001", "1002"))
    world.engine.bindings = [registration(phone=broken.mac)]
    lost = world.state.extensions.pop("1002")
    world.files.forget_all()
    _, changes = await world.extensions.change_extension("test", "1001", name="Jane Roe")
    assert not changes.reboots
    await world.extensions.add_extension("test", number="1002", name=lost.name)
    _, changes = await world.extensions.change_extension("test", "1002", name="Back")
    assert [reboot.mac for reboot in changes.reboots] == [broken.mac]


# --- devices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"mac_address": "nonsense"}, "bad_mac", "mac_address 'nonsense' is not a MAC"),
        ({"mac_address": "000000000000"}, "bad_mac", "is not a MAC"),
        ({"vendor": None}, "missing_field", "vendor is missing"),
        ({"model": None}, "missing_field", "model is missing"),
        ({"lines": None}, "missing_field", "extension_number is missing"),
        ({"lines": []}, "missing_field", "extension_number is missing"),
        ({"vendor": "acne"}, "P306", "vendor 'acne' is unknown"),
        ({"model": "t0"}, "P307", "vendor yealink has no model 't0'"),
        ({"lines": [LineSpec(extension="1999")]}, "unknown_extension", "existing: 1001"),
        ({"lines": [LineSpec(extension="x")]}, "bad_extension_number", "must be 1 to 20 digits"),
        ({"lines": [LineSpec(extension="1001")] * 99}, "too_many_lines", "has 99 entries"),
        ({"admin_password": "short"}, "bad_admin_password", "^admin_password must be 8"),
    ],
)
async def test_a_device_that_cannot_be_is_refused(
    spec: dict[str, object], code: str, words: str
) -> None:
    world = await World.make()
    wanted = {
        "mac_address": "001565123456",
        "vendor": "yealink",
        "model": "t46s",
        "lines": [LineSpec(extension="1001")],
    }
    with pytest.raises(BadRequestError, match=words) as caught:
        await world.devices.put_device("test", DeviceSpec(**(wanted | spec)))  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert caught.value.hint
    assert not world.state.devices
    assert [change.noun for change in world.store.changes] == ["extension"]


@pytest.mark.parametrize("model", ["t46s", "T46S", "SIP-T46S", "sip_t46s"])
@pytest.mark.parametrize("vendor", ["yealink", "Yealink", " YEALINK "])
async def test_any_spelling_of_vendor_and_model_is_taken(vendor: str, model: str) -> None:
    world = await World.make()
    device = await world.device(vendor=vendor, model=model)
    assert (device.vendor, device.model) == ("yealink", "t46s")


async def test_a_smaller_model_is_refused_while_the_lines_do_not_fit() -> None:
    world = await World.make("1001", "1002", "1003")
    big = next(model for model in PROFILES["yealink"].models if model.lines >= 3)
    small = next(model for model in PROFILES["yealink"].models if model.lines < 3)
    await world.device(model=big.name, lines=("1001", "1002", "1003"))
    before = picture(world)
    with pytest.raises(BadRequestError, match="lines has 3 entries") as caught:
        await world.devices.change_device(
            "test", DeviceSpec(mac_address="001565123456", model=small.name)
        )
    assert caught.value.code == "too_many_lines"
    assert picture(world) == before


async def test_another_maker_drops_the_former_makers_keys_and_keeps_the_neutral() -> None:
    world = await World.make()
    await world.device(settings={"features.dnd.enable": "1", "ntp_server": "ntp.example"})
    device, _ = await world.put(vendor="grandstream", settings={"P271": "1"})
    assert device.settings == {"ntp_server": "ntp.example", "P271": "1"}
    assert (await world.fetch(device)).status == 200


async def test_a_device_with_a_missing_extension_can_be_mended() -> None:
    world = await World.make("1001", "1002")
    await world.device(lines=("1002",))
    del world.state.extensions["1002"]
    spec = DeviceSpec(mac_address="001565123456", settings={"ntp_server": "a"})
    with pytest.raises(BadRequestError, match="extension_number 1002 does not exist"):
        await world.devices.change_device("test", spec)
    mended, _ = await world.devices.change_device(
        "test", DeviceSpec(mac_address="001565123456", lines=[LineSpec(extension="1001")])
    )
    assert mended.extension == "1001"


async def test_a_secret_longer_than_the_model_keeps_is_refused_both_ways() -> None:
    world = await World.make("1001", "1002")
    short = replace(model_of("yealink"), secret_max=20)
    profile = replace(PROFILES["yealink"], models=(short,))
    world.state.source = replace(world.state.source, profiles={"yealink": profile})
    with pytest.raises(BadRequestError, match=r"secret of extension 1001 has 24 characters"):
        await world.put(model=short.name)
    await world.extensions.change_extension("test", "1001", secret="x" * 20)
    await world.put(model=short.name)
    with pytest.raises(BadRequestError, match=f"{short.label} keeps 20") as caught:
        await world.extensions.change_extension(
            "test", "1001", secret="planted-secret-of-30-letters"
        )
    assert caught.value.code == "secret_too_long"
    assert "planted" not in str(caught.value)
    assert world.state.extensions["1001"].secret.reveal() == "x" * 20


async def test_the_fields_left_out_stay() -> None:
    world = await World.make()
    first = await world.device(settings={"ntp_server": "a"})
    again, changes = await world.devices.change_device(
        "test", DeviceSpec(mac_address="00-15-65-12-34-56")
    )
    assert again is first
    assert not changes.reboots
    assert changed_of(world) == ["extension 1001 created", "device 001565123456 created"]


@pytest.mark.parametrize("spelling", ["00:15:65:12:34:56", "0015.6512.3456", "001565123456"])
async def test_deleting_forgets_everything_of_the_device(spelling: str) -> None:
    world = await World.make()
    device = await world.device()
    await world.fetch(device)
    await world.devices.delete_device("test", spelling)
    assert not world.state.devices
    assert not world.state.sightings
    assert world.state.devices_of("1001") == []
    assert world.state.similar(mac("001565123457")) == []
    assert (await world.fetch(device)).status == 404
    with pytest.raises(BadRequestError, match="is not registered") as caught:
        await world.devices.delete_device("test", spelling)
    assert caught.value.status == 404


# --- extensions ----------------------------------------------------------------------------------


async def test_an_extension_in_use_is_not_deleted() -> None:
    world = await World.make()
    await world.device()
    with pytest.raises(BadRequestError, match="is a line of 00:15:65:12:34:56") as caught:
        await world.extensions.delete_extension("test", "1001")
    assert caught.value.status == 409
    await world.devices.delete_device("test", "001565123456")
    world.engine.bindings = [registration()]
    await world.extensions.delete_extension("test", "1001")
    assert not world.engine.bindings
    assert not world.state.extensions


async def test_an_extension_exists_once() -> None:
    world = await World.make()
    with pytest.raises(BadRequestError, match="extension 1001 exists") as caught:
        await world.extensions.add_extension("test", number="1001", name="Other")
    assert caught.value.status == 409
    assert world.state.extensions["1001"].name == "Name 1001"


async def test_an_unknown_extension_is_404() -> None:
    world = await World.make()
    for call in (
        world.extensions.change_extension("test", "9" * 1000, name="x"),
        world.extensions.delete_extension("test", "1999"),
    ):
        with pytest.raises(BadRequestError, match="does not exist") as caught:
            await call
        assert caught.value.status == 404
        assert len(str(caught.value)) < 100


async def test_generated_secrets_are_strong_and_differ() -> None:
    world = await World.make("1001", "1002", "1003")
    secrets = {item.secret.reveal() for item in world.state.extensions.values()}
    assert len(secrets) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9]{24}", secret) for secret in secrets)
    made = new_password(16)
    assert all(re.search(kind, made) for kind in ("[a-z]", "[A-Z]", "[0-9]"))


async def test_change_rows_say_what_but_no_secret() -> None:
    world = await World.make()
    await world.extensions.change_extension("alice", "1001", secret="planted-secret-1")
    await world.extensions.change_extension("alice", "1001", name="Jane Roe")
    rows = world.store.changes[1:]
    assert [row.actor for row in rows] == ["alice", "alice"]
    assert rows[0].after is not None
    assert rows[0].after["secret"] == "changed"
    assert (rows[1].before or {})["name"] == "Name 1001"
    assert (rows[1].after or {})["name"] == "Jane Roe"
    assert "planted" not in repr(world.store.changes) + repr(world.seen)
    assert changed_of(world) == ["extension 1001 created"] + 2 * ["extension 1001 changed"]


# --- durable first, one after another ------------------------------------------------------------


async def test_a_commit_that_fails_changes_nothing_in_memory() -> None:
    world, _ = await all_makers()
    before = picture(world)
    told = len(world.seen)
    world.store.fails = True
    calls = (
        world.extensions.add_extension("test", number="7", name="Seven"),
        world.extensions.change_extension("test", "1001", name="Jane Roe"),
        world.put("001565120099"),
        world.put("001565123400", "cisco"),
        world.devices.delete_device("test", "001565123400"),
        world.free_settings.change_settings("test", SITE, {"ntp_server": "a"}),
        world.free_settings.templates_changed(
            replace(world.state.source, templates=Templates(build.templates().sources)), "test"
        ),
    )
    for call in calls:
        with pytest.raises(StoreError, match="the database is gone"):
            await call
    assert picture(world) == before
    assert len(world.seen) == told
    assert not world.engine.orders
    world.store.fails = False
    await world.extensions.change_extension("test", "1001", name="Jane Roe")


async def test_changes_are_made_one_after_another() -> None:
    world = await World.make()
    world.store.gate = asyncio.Event()
    names = [f"Name {number}" for number in range(5)]
    calls = [
        asyncio.ensure_future(world.extensions.change_extension("test", "1001", name=name))
        for name in names
    ]
    await until(lambda: world.store.running == 1)
    world.store.gate.set()
    await asyncio.gather(*calls)
    assert world.store.most_running == 1
    befores = [(row.before or {}).get("name") for row in world.store.changes[1:]]
    assert befores == ["Name 1001", *names[:-1]]
    assert world.state.extensions["1001"].name == world.store.extensions["1001"].name == names[-1]


async def test_who_gives_up_waiting_leaves_memory_and_store_alike() -> None:
    world = await World.make()
    world.store.gate = asyncio.Event()
    call = asyncio.ensure_future(world.extensions.change_extension("test", "1001", name="Jane"))
    await until(lambda: world.store.running == 1)
    call.cancel()
    await asyncio.sleep(0)
    assert world.state.lock.locked()
    world.store.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert world.state.extensions["1001"].name == world.store.extensions["1001"].name == "Jane"
    assert not world.state.lock.locked()


async def test_two_of_one_extension_make_one() -> None:
    world = await World.make()
    calls = [world.extensions.add_extension("test", number="7", name="S") for _ in range(5)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(item, Exception) for item in found) == 1


async def test_a_restart_brings_back_what_was_committed() -> None:
    world, devices = await all_makers()
    await world.free_settings.change_settings("test", SITE, {"ntp_server": "a.example"})
    again = World()
    again.store = world.store
    again.state.store = world.store
    await again.state.load()
    again.assemble()
    assert again.state.devices == world.state.devices
    assert again.state.extensions == world.state.extensions
    for device in devices:
        assert again.files.expected(device.mac) == world.files.expected(device.mac)
        assert set(expected_files(again.state.source, device)) == set(
            again.files.expected(device.mac)
        )


async def test_waking_many_phones_leaves_the_loop_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await World.make()
    for place in range(60):
        device = await world.device(f"0015651234{place:02x}")
        world.engine.bindings.append(registration(port=1000 + place, phone=device.mac))
    turns, ordered_at = 0, []
    order = world.reboots.order

    def noted(targets: Sequence[Target], **how: Any) -> list[Reboot]:
        ordered_at.append(turns)
        return order(targets, **how)

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(world.reboots, "order", noted)
    counter = asyncio.ensure_future(count())
    changes = await world.changing.wake(list(world.state.devices), reason="r", asked_by="a")
    counter.cancel()
    assert len(changes.reboots) == 60
    assert max(ordered_at.count(turn) for turn in ordered_at) <= 20


async def test_common_files_are_what_is_expected_after_a_wide_change() -> None:
    world, devices = await all_makers()
    await world.free_settings.change_settings("test", SITE, {"transport": "tcp"})
    for device in devices:
        agent = agent_of(device.vendor, model_of(device.vendor), device.mac)
        for name, digest in world.files.expected(device.mac).items():
            answer = await world.ask(name, user_agent=agent, query=f"mac={device.mac}")
            assert answer.attempt.digest == digest
