"""The inventory in memory: the picture every request is answered from, and its durable twin."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
from collections import ChainMap, OrderedDict
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from offhook.actions.ports import (
    DeleteDevice,
    DeleteExtension,
    InventoryStore,
    PutDevice,
    PutExtension,
    PutLink,
    PutSettings,
    SeenImage,
    Write,
)
from offhook.core.directory import Link
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac, distance
from offhook.core.model import (
    Change,
    Device,
    Extension,
    Settings,
    SettingScope,
    Sighting,
    UnknownPhone,
)
from offhook.core.secret import Secret
from offhook.errors import OffhookError
from offhook.tasks import spawn

NEIGHBOURS = 16
"""Registered MACs looked at on each side of one that is not registered."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

UNKNOWN_KEPT = 1000
"""Unknown phones remembered; the one not seen for longest goes first."""


@dataclass(slots=True)
class State:
    """All nouns in memory. Only `commit` changes devices, extensions and settings.

    `source` is what files are made from; it shares the maps below. `lock` serialises changes,
    over all nodes. `links` are of directory people by guid. `former_secrets`, by number, are those
    of before the last change: a phone checks a NOTIFY against the one it still has.
    """

    store: InventoryStore
    source: FileSource
    extensions: dict[str, Extension] = field(default_factory=dict)
    devices: dict[Mac, Device] = field(default_factory=dict)
    settings: dict[SettingScope, Settings] = field(default_factory=dict)
    sightings: dict[Mac, Sighting] = field(default_factory=dict)
    unknown: OrderedDict[Mac, UnknownPhone] = field(default_factory=OrderedDict)
    links: dict[str, Link] = field(default_factory=dict)
    former_secrets: dict[str, Secret] = field(default_factory=dict)
    lock: AbstractAsyncContextManager[None] = field(default_factory=asyncio.Lock)
    revision: int = 0
    _by_extension: dict[str, tuple[Mac, ...]] = field(default_factory=dict)
    _sorted: list[Mac] = field(default_factory=list)

    async def load(self) -> None:
        """Fill anew from the store: when too much of what other nodes did was missed."""
        seen = await self.store.load_seen()
        await self.load_inventory()
        self._take_seen(seen)
        await self.prove_secrets()

    async def load_inventory(self) -> None:
        """Fill what files are made from: before anything else."""
        image = await self.store.load()
        for kept in (self.extensions, self.devices, self.settings):
            kept.clear()
        self._by_extension.clear()
        self.revision += 1
        self.extensions.update((item.number, item) for item in image.extensions)
        self.devices.update((item.mac, item) for item in image.devices)
        self.settings.update(image.settings)
        for device in self.devices.values():
            self._index(device)
        self._sorted = sorted(self.devices)
        self.source = replace(self.source, extensions=self.extensions, settings=self.settings)

    async def prove_secrets(self) -> None:
        """Decrypt every secret, beside whatever else is done. Raises StoreError for a wrong one."""
        secrets = [item.secret for item in self.extensions.values()]
        secrets += [item.admin_password for item in self.devices.values()]
        await asyncio.to_thread(_reveal, secrets)

    async def load_seen(self) -> None:
        """Fill what was seen of phones, once the inventory is there."""
        self._take_seen(await self.store.load_seen())

    def _take_seen(self, image: SeenImage) -> None:
        unwritten = tuple(self.sightings.values())
        self.sightings.clear()
        self.unknown.clear()
        self.sightings.update((item.mac, item) for item in image.sightings)
        strangers = (item for item in image.unknown if item.mac not in self.devices)
        oldest_first = sorted(strangers, key=lambda item: item.last_seen)
        self.unknown.update((item.mac, item) for item in oldest_first[-UNKNOWN_KEPT:])
        for item in unwritten:
            if item.mac in self.devices:
                self.sightings[item.mac] = joined(self.sightings.get(item.mac), item)

    async def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> None:
        """Make the writes durable, then visible. Raises StoreError with nothing changed.

        A caller that is cancelled meanwhile waits until both are done or neither, so that the two
        never differ and whoever holds `lock` holds it until then.
        """
        making = asyncio.ensure_future(self.store.commit(writes, changes))
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait({spawn(self._follow(making, writes), "commit")})
            raise
        self.take_over(writes)

    async def _follow(self, making: Awaitable[object], writes: Sequence[Write]) -> None:
        with contextlib.suppress(OffhookError):  # whoever waited for it is gone
            await making
            self.take_over(writes)

    def take_over(self, writes: Iterable[Write]) -> None:
        """Make visible what is durable."""
        for write in writes:
            self._apply(write)
        self.revision += 1

    def take_source(self, source: FileSource) -> None:
        """Make files from this from now on: new templates."""
        self.source = source
        self.revision += 1

    def devices_of(self, extension: str) -> list[Device]:
        """Devices with a line of the extension, by MAC."""
        return [self.devices[mac] for mac in sorted(self._by_extension.get(extension, ()))]

    def see_unknown(self, phone: UnknownPhone) -> Mac | None:
        """Remember an unknown phone; gives the one forgotten for it, if any."""
        self.unknown[phone.mac] = phone
        self.unknown.move_to_end(phone.mac)
        return self.unknown.popitem(last=False)[0] if len(self.unknown) > UNKNOWN_KEPT else None

    def similar(self, mac: Mac, limit: int = 5) -> list[Mac]:
        """Registered MACs of the same block that are nearest, by few differing digits.

        Looks for every MAC one typing error away, and at the neighbours in order: constant cost in
        any fleet.
        """
        place = bisect.bisect_left(self._sorted, mac)
        near = set(self._sorted[max(0, place - NEIGHBOURS) : place + NEIGHBOURS])
        near.update(Mac(value) for value in _typos(mac.value) if value in self.devices)
        near.discard(mac)
        same = [other for other in near if other >> 24 == mac >> 24]
        return sorted(same, key=lambda item: (distance(item, mac), item.value))[:limit]

    def some_macs(self, limit: int = 10) -> list[str]:
        """The first registered MACs, for messages."""
        return [mac.plain for mac in self._sorted[:limit]]

    def _apply(self, write: Write) -> None:
        match write:
            case PutExtension(extension=extension):
                self._put_extension(extension.number, extension)
            case DeleteExtension(number=number):
                self._put_extension(number, None)
            case PutDevice(device=device):
                self._forget(device.mac)
                self.devices[device.mac] = device
                self._index(device)
                bisect.insort(self._sorted, device.mac)
                self.unknown.pop(device.mac, None)
            case DeleteDevice(mac=mac):
                self._forget(mac)
                self.sightings.pop(mac, None)
            case PutSettings(scope=scope, settings=settings):
                self.settings = {**self.settings, scope: settings}
                self.source = replace(self.source, settings=self.settings)
            case PutLink(link=link):
                self.links[link.guid] = link

    def _put_extension(self, number: str, after: Extension | None) -> None:
        before = self.extensions.pop(number, None)
        if before is not None and (after is None or before.secret != after.secret):
            self.former_secrets[number] = before.secret
        if after is not None:
            self.extensions[number] = after

    def _index(self, device: Device) -> None:
        for line in device.lines:
            macs = self._by_extension.setdefault(line.extension, (device.mac,))
            if device.mac not in macs:
                self._by_extension[line.extension] = (*macs, device.mac)

    def _forget(self, mac: Mac) -> None:
        device = self.devices.pop(mac, None)
        if device is None:
            return
        for line in device.lines:
            left = tuple(it for it in self._by_extension.get(line.extension, ()) if it != mac)
            if left:
                self._by_extension[line.extension] = left
            else:
                self._by_extension.pop(line.extension, None)
        del self._sorted[bisect.bisect_left(self._sorted, mac)]


def _reveal(secrets: Iterable[Secret]) -> None:
    for secret in secrets:
        secret.reveal()


def joined(one: Sighting | None, other: Sighting) -> Sighting:
    """Join what two nodes saw of a phone: the later contact, and all that was delivered."""
    if one is None:
        return other
    older, newer = sorted((one, other), key=lambda it: it.last_contact or _NEVER)
    provisioned = [it.last_provisioned for it in (one, other) if it.last_provisioned]
    return replace(
        newer,
        firmware=newer.firmware or older.firmware,
        last_provisioned=max(provisioned, default=None),
        delivered={**older.delivered, **newer.delivered},
    )


def _typos(value: int) -> Iterator[int]:
    """Every number with one of its last six digits wrong, or two neighbours of them swapped."""
    for shift in range(0, 24, 4):
        for other in range(1, 16):
            yield value ^ (other << shift)
    for shift in range(0, 20, 4):
        swapped = (value >> shift ^ value >> shift + 4) & 15
        yield value ^ (swapped << shift | swapped << shift + 4)


def overlaid(
    source: FileSource,
    *,
    extensions: Iterable[Extension] = (),
    settings: Mapping[SettingScope, Settings] | None = None,
) -> FileSource:
    """What files would be made from after a change: the picture with some entries replaced."""
    changed = source
    numbers = {item.number: item for item in extensions}
    if numbers:
        changed = replace(
            changed, extensions=ChainMap(numbers, cast("dict[str, Extension]", source.extensions))
        )
    if settings:
        changed = replace(changed, settings={**source.settings, **settings})
    return changed
