"""One thing done to many phones: who would be touched and how, and doing it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from offhook.actions.changing import Changes, Changing
from offhook.actions.devices import Devices, DeviceSpec
from offhook.actions.files import digests
from offhook.actions.preview import still
from offhook.actions.reboots import Reboots
from offhook.core.inventory import FileSource
from offhook.core.model import Device
from offhook.diagnosis.facts import RenderFault
from offhook.errors import BadRequestError

MANY_MAX = 1000
"""Phones that are changed or deleted at once; orders to fetch again have no such bound."""

_A_TURN = 50
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What would become of one phone.

    `files` is how many of its files change, `is_live` that it is registered and would be told at
    once. `refused` says why nothing is done to it, empty when something is.
    """

    device: Device
    files: int = 0
    is_live: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of it: how many it was done to, how many were told, who was refused and why."""

    done: int
    told: int
    refused: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Many:
    """Plans and does what is asked of many phones, each as if it had been asked alone."""

    changing: Changing
    devices: Devices
    reboots: Reboots

    def chosen(self, texts: Sequence[str], *, is_bounded: bool) -> list[Device]:
        """Find the devices of MACs, each once. 400 when there are none or too many."""
        known = self.changing.state.devices
        macs = dict.fromkeys(self.devices.mac(text) for text in texts)
        found = [known[mac] for mac in macs if mac in known]
        if not found:
            raise BadRequestError("nothing_chosen", "no phone is chosen", "tick some phones first")
        if is_bounded and len(found) > MANY_MAX:
            raise BadRequestError(
                "too_many",
                f"{len(found)} phones are chosen; {MANY_MAX} can be changed or deleted at once",
                "choose fewer, by maker or model for instance, and do the rest afterwards",
            )
        return found

    async def live(self, devices: Sequence[Device]) -> list[Fate]:
        """Say who is registered: only those can be told anything."""
        fates = []
        for turn, device in enumerate(devices):
            if turn % _A_TURN == 0:
                await asyncio.sleep(0)
            fates.append(Fate(device=device, is_live=bool(self.reboots.targets_of(device))))
        return fates

    async def with_model(self, devices: Sequence[Device], vendor: str, model: str) -> list[Fate]:
        """Compare the files of phones as they are with those of another model."""
        profile = self.changing.vendor(vendor)
        wanted = self.changing.model(profile, model)
        source = still(self.changing.state.source)
        fates: list[Fate] = []
        for start in range(0, len(devices), _A_TURN):
            chunk = await self.live(devices[start : start + _A_TURN])
            fates += await asyncio.to_thread(
                lambda found: [_as_model(source, it, vendor, wanted.name) for it in found], chunk
            )
        return fates

    async def change_model(
        self, actor: str, devices: Sequence[Device], vendor: str, model: str
    ) -> Done:
        """Give phones another model of their maker; those registered are told to fetch."""

        async def change(device: Device) -> Changes:
            if device.vendor != vendor:
                raise BadRequestError("other_maker", _other_maker(device, vendor))
            spec = DeviceSpec(mac_address=device.mac.plain, model=model)
            return (await self.devices.change_device(actor, spec))[1]

        return await self._each(devices, change)

    async def delete(self, actor: str, devices: Sequence[Device]) -> Done:
        """Delete phones; they keep their configuration until they ask again."""

        async def delete(device: Device) -> Changes:
            await self.devices.delete_device(actor, device.mac.plain)
            return Changes()

        return await self._each(devices, delete)

    async def _each(
        self, devices: Sequence[Device], act: Callable[[Device], Awaitable[Changes]]
    ) -> Done:
        """Act on each; a refusal is noted and the others go on."""
        done, told = 0, 0
        refused: list[tuple[str, str]] = []
        for start in range(0, len(devices), _AT_ONCE):
            chunk = devices[start : start + _AT_ONCE]
            results = await asyncio.gather(*map(act, chunk), return_exceptions=True)
            for device, result in zip(chunk, results, strict=True):
                if isinstance(result, BadRequestError):
                    refused.append((device.mac.colons, str(result)))
                elif isinstance(result, BaseException):
                    raise result
                else:
                    done += 1
                    told += len(result.reboots)
        return Done(done=done, told=told, refused=tuple(refused))


def _as_model(source: FileSource, fate: Fate, vendor: str, model: str) -> Fate:
    device = fate.device
    if device.vendor != vendor:
        return replace(fate, refused=_other_maker(device, vendor))
    accounts = source.profiles[vendor].model(model)
    if accounts is not None and len(device.lines) > accounts.lines:
        text = f"has {len(device.lines)} lines; a {accounts.label} has {accounts.lines} accounts"
        return replace(fate, refused=text)
    had, has = digests(source, device), digests(source, replace(device, model=model))
    if isinstance(has, RenderFault):
        return replace(fate, refused=f"its files could not be made: {has.message}")
    before = {} if isinstance(had, RenderFault) else had
    names = before.keys() | has.keys()
    return replace(fate, files=sum(1 for it in names if before.get(it) != has.get(it)))


def _other_maker(device: Device, vendor: str) -> str:
    return f"is a {device.vendor}; the model is one of {vendor}"
