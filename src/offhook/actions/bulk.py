"""Many devices or extensions written as one change: all of them, or none and why for each row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from offhook.actions.changing import Changes, Changing
from offhook.actions.devices import Devices, DeviceSpec
from offhook.actions.extensions import Extensions, ExtensionSpec
from offhook.actions.ports import PutDevice, PutExtension
from offhook.actions.preview import still
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac
from offhook.core.model import Device, Extension
from offhook.errors import BadRequestError, BadRowsError

ROWS_MAX = 10_000
PROBLEMS_MAX = 100
_A_TURN = 25

Row = TypeVar("Row")
Made = TypeVar("Made")
Problems = dict[int, BadRequestError]


@dataclass(slots=True)
class Bulk:
    """Writes rows in one transaction, each checked as if it had come alone; a Change for each."""

    changing: Changing
    devices: Devices
    extensions: Extensions

    async def add_extensions(
        self, actor: str, asked: Sequence[Row], spec_of: Callable[[Row], ExtensionSpec]
    ) -> list[Extension]:
        """Add extensions, all or none. Raises BadRowsError."""
        state, changing = self.changing.state, self.changing
        async with state.lock:
            made, problems = await _each(asked, lambda row: self.extensions.built(spec_of(row)))
            problems |= _twice(made, lambda it: it.number, "number")
            _refuse(problems, len(asked))
            added = list(made.values())
            rows = [self.extensions.row(actor, it) for it in added]
            await changing.commit([PutExtension(extension=it) for it in added], rows)
            # A line may have waited for its extension (P308): its files can be made now.
            changing.files.forget(
                device.mac for it in added for device in state.devices_of(it.number)
            )
        return added

    async def put_devices(
        self, actor: str, asked: Sequence[Row], spec_of: Callable[[Row], DeviceSpec]
    ) -> tuple[list[Device], Changes]:
        """Register devices or replace their registrations, all or none. Raises BadRowsError.

        Registered phones are told to fetch, paced like any order to many.
        """
        state, changing = self.changing.state, self.changing
        async with state.lock:
            made, problems = await _each(asked, lambda row: self._device(spec_of(row)))
            problems |= _twice(made, lambda it: it.mac.plain, "mac_address")
            before = {it.mac: state.devices.get(it.mac) for it in made.values()}
            problems |= await self._unmakable(still(state.source), made, before)
            _refuse(problems, len(asked))
            put = list(made.values())
            rows = [self.devices.row(actor, it, before[it.mac]) for it in put]
            await changing.commit([PutDevice(device=it) for it in put], rows)
            changing.files.forget(before)
        told = await changing.wake(
            list(before), reason="device registered", asked_by=actor, before=before
        )
        return put, told

    def _device(self, spec: DeviceSpec) -> Device:
        extensions = self.changing.state.extensions
        device = self.devices.built(spec, extensions)
        for line in device.lines:
            self.changing.check_secret_fits(device, extensions[line.extension])
        return device

    async def _unmakable(
        self, source: FileSource, made: Mapping[int, Device], before: Mapping[Mac, Device | None]
    ) -> Problems:
        """Make the files as they would be; a row whose files cannot be made is a problem."""

        def tried(row: int) -> BadRequestError | None:
            try:
                self.changing.changed([made[row]], before, source)
            except BadRequestError as error:
                return error
            return None

        problems: Problems = {}
        rows = list(made)
        for start in range(0, len(rows), _A_TURN):
            chunk = rows[start : start + _A_TURN]
            found = await asyncio.to_thread(lambda some: [*map(tried, some)], chunk)
            problems |= {row: it for row, it in zip(chunk, found, strict=True) if it is not None}
        return problems


async def _each(
    rows: Sequence[Row], make: Callable[[Row], Made]
) -> tuple[dict[int, Made], Problems]:
    """Make each row, counted from 1; too many problems are not looked at further."""
    if not 0 < len(rows) <= ROWS_MAX:
        raise BadRequestError(
            "bad_count", f"there are {len(rows)} rows", f"send 1 to {ROWS_MAX} at once"
        )
    made: dict[int, Made] = {}
    problems: Problems = {}
    for number, row in enumerate(rows, start=1):
        if number % _A_TURN == 0:
            await asyncio.sleep(0)  # phones go first
        try:
            made[number] = make(row)
        except BadRequestError as error:
            problems[number] = error
        if len(problems) == PROBLEMS_MAX:
            break
    return made, problems


def _twice(made: Mapping[int, Made], key: Callable[[Made], str], name: str) -> Problems:
    first: dict[str, int] = {}
    problems: Problems = {}
    for row, item in made.items():
        before = first.setdefault(key(item), row)
        if before != row:
            problems[row] = BadRequestError(
                "twice", f"{name} {key(item)} is in row {before} already", "leave one of them out"
            )
    return problems


def _refuse(problems: Problems, count: int) -> None:
    if problems:
        raise BadRowsError(problems, count)
