"""Finished files: made once, forgotten when what they are made from changes, bounded in bytes."""

import asyncio
from dataclasses import replace

import pytest

from offhook.actions import files as files_module
from offhook.core.inventory import FileSource
from offhook.core.model import Device
from offhook.core.render import RenderError, Templates
from offhook.core.vendor import FileKind, FileRule
from offhook.diagnosis.facts import RenderFault
from tests.contract import build
from tests.world import PROFILES, World, mac, until


def main_rule(device: Device) -> FileRule:
    profile = PROFILES[device.vendor]
    model = profile.model(device.model)
    assert model is not None
    return build.main_rule(profile, model)


async def test_a_file_is_made_once() -> None:
    world = await World.make()
    device = await world.device()
    first = world.files.device_file(device, main_rule(device))
    assert world.files.device_file(device, main_rule(device)) is first


async def test_a_common_file_is_made_once_for_its_model() -> None:
    world = await World.make()
    profile = PROFILES["yealink"]
    (rule,) = (rule for rule in profile.files if rule.kind is FileKind.COMMON)
    first = world.files.common_file(profile, profile.models[0], rule)
    assert world.files.common_file(profile, profile.models[0], rule) is first
    assert world.files.common_file(profile, profile.models[1], rule) is not first


async def test_forgetting_one_device_leaves_the_others() -> None:
    world = await World.make()
    one, two = await world.device("001565120001"), await world.device("001565120002")
    kept = {item.mac: world.files.device_file(item, main_rule(item)) for item in (one, two)}
    expected = {item.mac: world.files.expected(item.mac) for item in (one, two)}
    world.files.forget([one.mac])
    assert world.files.device_file(one, main_rule(one)) is not kept[one.mac]
    assert world.files.device_file(two, main_rule(two)) is kept[two.mac]
    assert world.files.expected(one.mac) is not expected[one.mac]
    assert world.files.expected(two.mac) is expected[two.mac]


async def test_the_cache_is_bounded_and_the_longest_unused_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await World.make()
    devices = [await world.device(f"0015651200{number:02x}") for number in range(6)]
    rule = main_rule(devices[0])
    size = len(world.files.device_file(devices[0], rule).body)
    monkeypatch.setattr(files_module, "CACHE_BYTES", size * 3)
    first = world.files.device_file(devices[0], rule)
    for device in devices[1:4]:
        world.files.device_file(device, rule)
        assert world.files.device_file(devices[0], rule) is first
    assert world.files._size_bytes <= size * 3
    assert world.files._size_bytes == sum(
        len(file.body) for kept in world.files._cache.values() for file in kept.values()
    )
    world.files.forget_all()
    assert world.files._size_bytes == 0
    assert not world.files._cache


async def test_a_file_that_cannot_be_made_leaves_nothing() -> None:
    world = await World.make()
    device = await world.device()
    broken = {**build.templates().sources, "yealink/main.cfg.j2": "{{ nothing }}"}
    world.state.take_source(replace(world.state.source, templates=Templates(broken)))
    world.files.forget_all()
    with pytest.raises(RenderError):
        world.files.device_file(device, main_rule(device))
    assert not world.files._cache
    found = world.files.expected(device.mac)
    assert isinstance(found, RenderFault)
    assert found.code == "P701"


async def test_a_change_while_a_thread_renders_is_not_kept_as_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await World.make()
    device = await world.device()
    real = files_module.make

    def slow(source: FileSource, asked: Device) -> files_module.Made:
        found = real(source, asked)
        world.state.take_source(world.state.source)  # what the loop does meanwhile
        world.files.forget_all()
        return found

    monkeypatch.setattr(files_module, "make", slow)
    world.files.forget([device.mac])
    world.files.expected(device.mac)
    assert device.mac not in world.files._expected


async def test_what_a_change_made_is_kept_and_is_what_would_be_made() -> None:
    world = await World.make()
    device = await world.device()
    kept = world.files.known(device.mac)
    world.files.forget([device.mac])
    assert kept is not None
    assert kept == world.files.expected(device.mac)


async def test_what_a_change_made_is_not_kept_when_more_changed_meanwhile() -> None:
    world = await World.make()
    world.store.gate = asyncio.Event()
    registering = asyncio.ensure_future(world.device())
    await until(lambda: world.store.running == 1)
    world.state.take_source(world.state.source)  # new templates, as it were
    world.store.gate.set()
    device = await registering
    assert world.files.known(device.mac) is None


async def test_nobody_expects_files_of_an_unknown_device() -> None:
    world = await World.make()
    with pytest.raises(KeyError):
        world.files.expected(mac("001565123456"))
