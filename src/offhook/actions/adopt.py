"""Taking phones in: one that knocked, one typed, many of a list; judged first, then one commit."""

from __future__ import annotations

import asyncio
import time
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from offhook.actions.changing import Changing, checked, new_password, with_lines_of
from offhook.actions.devices import Devices, DeviceSpec, LineSpec
from offhook.actions.differences import Difference, difference
from offhook.actions.ports import PutDevice, PutExtension, Write
from offhook.actions.preview import still
from offhook.actions.reboots import Reboots
from offhook.actions.state import overlaid
from offhook.actions.trial_files import Kinds, try_all, without_orphans
from offhook.actions.wanted import Fate, Judged, Wanted, WantedLine, mark
from offhook.core.check import check_name, check_number
from offhook.core.mac import Mac
from offhook.core.model import Change, Device, Extension
from offhook.core.secret import Secret
from offhook.errors import BadRequestError

EXACT_S = 2.0
"""Seconds of making files as a trial; after them one phone of each model stands for the others."""

_A_TURN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What was done: phones added, phones changed, extensions made, phones told to fetch."""

    added: int
    changed: int
    extensions: int
    told: int


@dataclass(slots=True)
class _Batch:
    """What the rows before have taken: MACs with their row, extensions to be made."""

    macs: dict[Mac, int] = field(default_factory=dict)
    made: dict[str, Extension] = field(default_factory=dict)
    users: dict[str, Mac] = field(default_factory=dict)


@dataclass(slots=True)
class Adopting:
    """Judges rows in order, and writes those that are right as one change."""

    changing: Changing
    devices: Devices
    reboots: Reboots
    exact_s: float = EXACT_S

    async def judge(self, rows: Sequence[Wanted]) -> list[Judged]:
        """Say of each row what would become of it; write nothing."""
        batch = _Batch()
        found = []
        for turn, wanted in enumerate(rows, start=1):
            if turn % _A_TURN == 0:
                await asyncio.sleep(0)
            found.append(self._judged(wanted, batch))
        return await self._tried(found, batch)

    async def put(self, actor: str, rows: Sequence[Wanted], expected: str = "") -> Adopted:
        """Write the rows that can be used: all of them in one commit, or none.

        `expected` is the `mark` of the verdicts that a person saw; 409 when they are others now.
        """
        async with self.changing.state.lock:
            found = await self.judge(rows)
            if expected and expected != mark(found):
                raise BadRequestError(
                    "changed_meanwhile",
                    "something was changed since these rows were looked at",
                    "look at the rows again and confirm once more",
                    status=409,
                )
            useful = [it for it in found if it.fate in (Fate.NEW, Fate.CHANGED)]
            await self._write(actor, useful)
        return Adopted(
            added=sum(it.fate is Fate.NEW for it in useful),
            changed=sum(it.fate is Fate.CHANGED for it in useful),
            extensions=sum(len(it.made) for it in useful),
            told=await self._tell(actor, useful),
        )

    async def put_one(self, actor: str, wanted: Wanted) -> Device:
        """Add one phone that is not registered yet. Raises BadRequestError."""
        found = await self.one(wanted)
        await self.put(actor, [wanted], mark([found]))
        return self.devices.device(wanted.mac_address)

    async def one(self, wanted: Wanted) -> Judged:
        """Judge a phone to be added. Raises BadRequestError when it cannot be or is registered."""
        found = (await self.judge([wanted]))[0]
        if found.refusal is not None:
            raise found.refusal
        if found.before is not None:
            raise BadRequestError(
                "registered_already",
                f"phone {found.before.mac.colons} is registered already, "
                f"with extension {found.before.extension}",
                "change it on its own page, found under Phones",
                status=409,
            )
        return found

    async def preview(self, wanted: Wanted) -> Difference:
        """Make the files that one phone would get, secrets masked. Raises BadRequestError."""
        found = await self.one(wanted)
        device = cast("Device", found.device)
        now = still(self.changing.state.source)
        then = still(overlaid(self.changing.state.source, extensions=found.made), now)
        return await asyncio.to_thread(difference, now, None, then, device)

    # --- judging -------------------------------------------------------------------------------

    def _judged(self, wanted: Wanted, batch: _Batch) -> Judged:
        try:
            mac = self.devices.mac(wanted.mac_address)
            found = self._fits(wanted, mac, batch)
        except BadRequestError as error:
            return Judged(wanted=wanted, fate=Fate.WRONG, refusal=error)
        batch.macs[mac] = wanted.row
        batch.made.update((it.number, it) for it in found.made)
        if found.device is not None:
            for line in found.device.lines:
                batch.users.setdefault(line.extension, mac)
        return found

    def _fits(self, wanted: Wanted, mac: Mac, batch: _Batch) -> Judged:
        if mac in batch.macs:
            raise BadRequestError(
                "twice",
                f"{mac.colons} is in row {batch.macs[mac]} already",
                "leave one of the two rows out",
            )
        state, notes = self.changing.state, list[str]()
        before = state.devices.get(mac)
        made: dict[str, Extension] = {}
        for line in wanted.lines:
            made.update(self._made(line, batch, made, notes))
        spec = DeviceSpec(
            mac_address=mac.plain,
            vendor=wanted.vendor or self._vendor(mac, before),
            model=wanted.model or self._model(mac, wanted.vendor, before),
            lines=_lines(wanted, before),
        )
        known = ChainMap(made, batch.made, cast("MutableMapping[str, Extension]", state.extensions))
        device = self.devices.built(spec, known)
        for item in device.lines:
            self.changing.check_secret_fits(device, known[item.extension])
        notes += self._odd(device, batch)
        return Judged(
            wanted=wanted,
            fate=_fate(before, device),
            device=device,
            before=before,
            made=tuple(made.values()),
            notes=tuple(notes),
        )

    def _made(
        self, line: WantedLine, batch: _Batch, own: Mapping[str, Extension], notes: list[str]
    ) -> dict[str, Extension]:
        """Make the extension of a line if it does not exist; say when its name is not taken."""
        number = checked(check_number, line.extension, "extension")
        found = self.changing.state.extensions.get(number) or batch.made.get(number)
        found = found or own.get(number)
        name = checked(check_name, line.name) if line.name else ""
        if found is not None:
            if name and name != found.name:
                notes.append(f"extension {number} keeps its name {found.name}")
            return {}
        if not name:
            raise BadRequestError(
                "unknown_extension",
                f"extension {number} does not exist",
                "give a name too and it is made, or choose one that exists",
            )
        extension = Extension(
            number=number, name=name, secret=Secret(new_password()), created_at=self.changing.now()
        )
        return {number: extension}

    def _vendor(self, mac: Mac, before: Device | None) -> str:
        if before is not None:
            return before.vendor
        unknown = self.changing.state.unknown.get(mac)
        owners = self._owners(mac)
        told = unknown.vendor if unknown else ""
        return told or (owners[0] if len(owners) == 1 else "")

    def _model(self, mac: Mac, vendor: str, before: Device | None) -> str:
        if before is not None:
            return before.model
        unknown = self.changing.state.unknown.get(mac)
        is_its = unknown is not None and vendor.strip().lower() in ("", unknown.vendor)
        return unknown.model if unknown is not None and is_its else ""

    def _odd(self, device: Device, batch: _Batch) -> Iterator[str]:
        profiles = self.changing.state.source.profiles
        owners = self._owners(device.mac)
        if owners and device.vendor not in owners:
            labels = " or ".join(profiles[name].label for name in owners)
            yield (
                f"addresses {device.mac.colons[:8]} belong to {labels}, "
                f"not to {profiles[device.vendor].label}"
            )
        for line in device.lines:
            others = [it.mac for it in self.changing.state.devices_of(line.extension)]
            others += [batch.users[line.extension]] if line.extension in batch.users else []
            other = next((mac for mac in others if mac != device.mac), None)
            if other is not None:
                yield f"extension {line.extension} is on {other.colons} too: both will ring"

    def _owners(self, mac: Mac) -> list[str]:
        profiles = self.changing.state.source.profiles
        return [name for name, profile in profiles.items() if mac.oui in profile.ouis]

    async def _tried(self, found: list[Judged], batch: _Batch) -> list[Judged]:
        """Make the files of the rows as a trial; a row whose files cannot be made is wrong."""
        source = still(overlaid(self.changing.state.source, extensions=batch.made.values()))
        ends_at = time.monotonic() + self.exact_s
        tried: list[Judged] = []
        kinds: Kinds = {}
        for start in range(0, len(found), _A_TURN):
            chunk = found[start : start + _A_TURN]
            is_exact = time.monotonic() < ends_at
            tried += await asyncio.to_thread(try_all, source, chunk, kinds, is_exact)
        return without_orphans(tried, batch.made.keys())

    # --- writing -------------------------------------------------------------------------------

    async def _write(self, actor: str, useful: Sequence[Judged]) -> None:
        made = [it for item in useful for it in item.made]
        taken = [(item.device, item.before) for item in useful if item.device is not None]
        # By kind: the store writes neighbours of one kind with one statement.
        writes: list[Write] = [PutExtension(extension=it) for it in made]
        writes += [PutDevice(device=device) for device, _ in taken]
        rows = [*self._extension_rows(actor, made), *self._device_rows(actor, taken)]
        if writes:
            await self.changing.commit(writes, rows)
        forget, state = self.changing.files.forget, self.changing.state
        forget(device.mac for device, _ in taken)
        # A line may have waited for an extension (P308): its files can be made now.
        forget(device.mac for it in made for device in state.devices_of(it.number))

    def _extension_rows(self, actor: str, made: Sequence[Extension]) -> Iterator[Change]:
        for it in made:
            shown = {"name": it.name, "email": it.email}
            yield self.changing.change(actor, "extension", it.number, "created", None, shown)

    def _device_rows(
        self, actor: str, taken: Sequence[tuple[Device, Device | None]]
    ) -> Iterator[Change]:
        for device, before in taken:
            yield self.devices.row(actor, device, before)

    async def _tell(self, actor: str, useful: Sequence[Judged]) -> int:
        """Tell phones that are registered to fetch; they are paced as any order to many."""
        told = 0
        for turn, item in enumerate(useful, start=1):
            if turn % _A_TURN == 0:
                await asyncio.sleep(0)
            if item.device is None:
                continue
            targets = self.reboots.targets_of(with_lines_of(item.device, item.before))
            if targets:
                reason = "device registered" if item.before is None else "device changed"
                told += len(
                    self.reboots.order(targets, reason=reason, asked_by=actor, is_automatic=True)
                )
        return told


def _lines(wanted: Wanted, before: Device | None) -> list[LineSpec]:
    """The lines asked for; those of the record that the row does not speak of stay."""
    kept = before.lines if before else ()
    labels = [line.label for line in kept]
    specs = [
        LineSpec(
            extension=line.extension,
            label=line.label or (labels[place] if place < len(labels) else ""),
        )
        for place, line in enumerate(wanted.lines)
    ]
    rest = kept[len(specs) :]
    return specs + [LineSpec(extension=line.extension, label=line.label) for line in rest]


def _fate(before: Device | None, device: Device) -> Fate:
    if before is None:
        return Fate.NEW
    is_same = (before.vendor, before.model, before.lines) == (
        device.vendor,
        device.model,
        device.lines,
    )
    return Fate.SAME if is_same else Fate.CHANGED
