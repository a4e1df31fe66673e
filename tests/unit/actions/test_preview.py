"""Previews against what really happens: the same phones, the same files, no secret told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.preview import Preview, Previews, Verbs
from offhook.core.mac import Mac
from offhook.errors import BadRequestError
from offhook.web.api.preview import PreviewQuery, record
from tests.contract import build
from tests.world import World, model_of, registration, sip_agent_of

PHONES = {
    "001565123456": "yealink",
    "000bea123456": "zultys",
    "0004f2123456": "polycom",
    "000e08123456": "cisco",
    "000b82123456": "grandstream",
}
PLANTED = re.compile("planted", re.IGNORECASE)
Act = Callable[[Verbs], Awaitable[object]]


@dataclass(frozen=True)
class Try:
    """A change as drawn: how to do it, and whether its device is told whatever happens."""

    name: str
    act: Act
    always: tuple[Mac, ...] = ()

    def __repr__(self) -> str:
        return self.name


def previews(world: World, **more: Any) -> Previews:
    return Previews(
        changing=world.changing,
        engine=world.engine,
        reboots=world.reboots,
        config=world.diagnose.config,
        packaged=build.templates().sources,
        **more,
    )


def verbs(world: World) -> Verbs:
    return Verbs(
        devices=world.devices, extensions=world.extensions, free_settings=world.free_settings
    )


async def fleet() -> World:
    """A phone of each maker with an extension of its own; every other one is registered."""
    world = await World.make("1000")
    for index, (mac, vendor) in enumerate(PHONES.items(), start=1):
        number = str(1000 + index)
        await world.extensions.add_extension(
            "test", number=number, name=f"Name {number}", secret=f"planted-&<-{number}"
        )
        spec = DeviceSpec(
            mac_address=mac,
            vendor=vendor,
            model=model_of(vendor, 2).name,
            lines=[LineSpec(extension=number)],
            admin_password="Planted-Admin-1",
        )
        device, _ = await world.devices.put_device("test", spec)
        if index % 2:
            world.engine.bindings.append(
                registration(number, user_agent=sip_agent_of(vendor), clock=world.clock)
            )
        world.files.expected(device.mac)
    return world


def digests_of(world: World) -> dict[Mac, Any]:
    return {mac: world.files.expected(mac) for mac in world.state.devices}


numbers = st.sampled_from([str(1000 + index) for index in range(6)])
macs = st.sampled_from(list(PHONES))
texts = st.sampled_from(["Ada", "Bob & <Eve>", 'Zoë "Q"', "-- x --"])
neutral = st.sampled_from(
    [
        {"dtmf": "info"},
        {"language": "de"},
        {"transport": "tcp"},
        {"voicemail_number": ""},
        {"codecs": "opus"},
        {"resync_minutes": "0"},
        {"time_zone": "Asia/Kolkata"},
        {},
    ]
)
own_keys = st.sampled_from(
    [
        ("yealink", {"network.lldp.enable": "0", "ldap.password": "planted-ldap"}),
        ("zultys", {"security.user_password": "admin:planted-too"}),
        ("polycom", {"device.net.vlanId": "7", "a.password": "planted<pw>"}),
        ("cisco", {"GPP_SA": "planted-key", "Enable_CDP": "No"}),
        ("grandstream", {"P34": "planted-&-p34", "P8": "0"}),
    ]
)


@st.composite
def tries(draw: st.DrawFn) -> Try:
    kind = draw(st.sampled_from(["name", "secret", "site", "vendor", "device", "again", "delete"]))
    number, mac, text = draw(numbers), draw(macs), draw(texts)
    keys, values = draw(own_keys), draw(neutral)
    match kind:
        case "name":
            return Try(
                f"name of {number}",
                lambda it: it.extensions.change_extension("t", number, name=text),
            )
        case "secret":
            return Try(
                f"secret of {number}",
                lambda it: it.extensions.change_extension("t", number, secret="planted-anew-1"),
            )
        case "site":
            return Try(
                f"site {values}",
                lambda it: it.free_settings.change_settings("t", it.free_settings.scope(), values),
            )
        case "vendor":
            return Try(
                f"vendor {keys}",
                lambda it: it.free_settings.change_settings(
                    "t", it.free_settings.scope(keys[0]), keys[1]
                ),
            )
        case "device":
            spec = DeviceSpec(
                mac_address=mac, lines=[LineSpec(extension=number, label=text)], settings=values
            )
            return Try(f"device {spec}", lambda it: it.devices.change_device("t", spec))
        case "again":
            spec = DeviceSpec(
                mac_address=mac,
                vendor=PHONES[mac],
                model=model_of(PHONES[mac]).name,
                lines=[LineSpec(extension=number)],
                admin_password="Planted-Admin-2",
            )
            return Try(
                f"put {spec}",
                lambda it: it.devices.put_device("t", spec),
                (Mac(int(mac, 16)),),
            )
        case _:
            return Try(f"delete {mac}", lambda it: it.devices.delete_device("t", mac))


async def compared(drawn: list[Try]) -> None:
    world = await fleet()
    for item in drawn:
        before, rows, told = digests_of(world), len(world.store.changes), len(world.seen)
        try:
            found: Preview | None = await previews(world).of(item.act, item.always)
            refused = ""
        except BadRequestError as error:
            found, refused = None, str(error)
        assert (digests_of(world), len(world.store.changes)) == (before, rows)
        assert len(world.seen) == told
        orders = {mac: it.id for mac, it in world.reboots.latest().items()}
        if found is None:
            with pytest.raises(BadRequestError, match=re.escape(refused)):
                await item.act(verbs(world))
            continue
        await item.act(verbs(world))
        after = digests_of(world)
        changed = {mac for mac in after if after[mac] != before.get(mac)}
        assert {it.mac for it in found.changed} == changed
        assert not PLANTED.search(record(found, PreviewQuery(preview=True)).model_dump_json())
        for shown in found.shown:
            mac = shown.difference.device.mac
            assert shown.difference.will.digests == after[mac]
        fetching = {mac for mac, it in world.reboots.latest().items() if orders.get(mac) != it.id}
        # An order that finds another one under way for the same phone joins it.
        assert fetching <= found.told <= world.reboots.latest().keys()


@settings(max_examples=5, deadline=None)
@given(st.lists(tries(), min_size=1, max_size=3))
def test_preview_equals_what_happens(drawn: list[Try]) -> None:
    asyncio.run(compared(drawn))


async def test_phones_alike_are_inferred_when_time_is_up() -> None:
    world = await World.make()
    for index in range(120):
        await world.device(f"0015651{index:05x}", model="t46s")
    moments = iter([0.0, *[99.0] * 9])
    tried = previews(world, clock=lambda: next(moments), exact_s=1.0)
    found = await tried.of(
        lambda it: it.free_settings.change_settings("t", it.free_settings.scope(), {"dtmf": "info"})
    )
    assert (len(found.changed), found.compared, found.inferred) == (120, 1, 119)
    assert [shown.phones for shown in found.shown] == [120]


async def test_only_the_largest_kinds_are_shown() -> None:
    world = await World.make()
    for index in range(23):
        await world.device(
            f"0015651{index:05x}", model="t46s", settings={"register_expires_s": str(600 + index)}
        )
    found = await previews(world).of(
        lambda it: it.extensions.change_extension("t", "1001", name="Eve")
    )
    assert (len(found.changed), len(found.shown), found.left_out) == (23, 20, 3)
