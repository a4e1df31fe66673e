"""Reboots that are followed, and their way into the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from offhook.core.mac import Mac
from offhook.core.model import Reboot
from offhook.errors import OffhookError
from offhook.tasks import spawn

_log = logging.getLogger("offhook.reboots")

SAVED_AT_ONCE = 200
RETRY_S = 1.0
STOP_WAIT_S = 5.0


def phone_of(reboot: Reboot) -> str:
    """What tells a reboot's phone: its MAC, or its contact when nobody knows the MAC."""
    return reboot.mac.plain if reboot.mac is not None else reboot.contact


@dataclass(slots=True)
class Followed:
    """Reboots in progress, found by id, phone and extension without looking at all of them."""

    _by_id: dict[str, Reboot] = field(default_factory=dict)
    _by_phone: dict[str, dict[str, None]] = field(default_factory=dict)
    _by_extension: dict[str, dict[str, None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Reboot]:
        return iter(tuple(self._by_id.values()))

    def get(self, reboot_id: str) -> Reboot | None:
        """Give a record as it stands now."""
        return self._by_id.get(reboot_id)

    def has_phone(self, mac: Mac) -> bool:
        """True when a reboot of the phone is followed."""
        return bool(self._by_phone) and mac.plain in self._by_phone

    def of_phone(self, phone: str) -> list[Reboot]:
        """Give the reboots of a phone (`phone_of`), oldest first."""
        return [self._by_id[item] for item in self._by_phone.get(phone, ())]

    def of_extension(self, number: str) -> list[Reboot]:
        """Give the reboots sent to registrations of an extension, oldest first."""
        return [self._by_id[item] for item in self._by_extension.get(number, ())]

    def put(self, reboot: Reboot) -> None:
        """Follow a reboot, or note its next step."""
        before = self._by_id.get(reboot.id)
        if before is not None and _places(before) != _places(reboot):
            self.drop(reboot.id)
        self._by_id[reboot.id] = reboot
        self._by_phone.setdefault(phone_of(reboot), {})[reboot.id] = None
        self._by_extension.setdefault(reboot.extension, {})[reboot.id] = None

    def drop(self, reboot_id: str) -> None:
        """Follow it no longer."""
        reboot = self._by_id.pop(reboot_id, None)
        if reboot is None:
            return
        for index, key in (
            (self._by_phone, phone_of(reboot)),
            (self._by_extension, reboot.extension),
        ):
            del index[key][reboot_id]
            if not index[key]:
                del index[key]


def _places(reboot: Reboot) -> tuple[str, str]:
    return phone_of(reboot), reboot.extension


class Saving:
    """Writes records some at a time, of each only the newest: no step overtakes a later one.

    What could not be written waits until it can be.
    """

    def __init__(self, put: Callable[[Sequence[Reboot]], Awaitable[None]]) -> None:
        self._put = put
        self._unsaved: dict[str, Reboot] = {}
        self._in_flight: dict[str, Reboot] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False

    def note(self, reboot: Reboot) -> None:
        """Write a record soon; never raises."""
        self._unsaved[reboot.id] = reboot
        if self._task is None or self._task.done():
            self._task = spawn(self._save(), "save reboots")

    async def flush(self, timeout_s: float | None = None) -> None:
        """Wait until what was noted is written, at most so long."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=timeout_s)

    async def stop(self) -> None:
        """Write what is left; what a database that is away does not take is lost, and logged."""
        await self.flush(STOP_WAIT_S)
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
            _log.error("%d reboots could not be saved before the stop", len(self._unsaved))

    def has(self, reboot_id: str) -> bool:
        """Tell whether a newer state than the store's waits to be written."""
        return reboot_id in self._unsaved or reboot_id in self._in_flight

    async def _save(self) -> None:
        while self._unsaved:
            ids = tuple(islice(self._unsaved, SAVED_AT_ONCE))
            self._in_flight = {item: self._unsaved.pop(item) for item in ids}
            try:
                await self._put(tuple(self._in_flight.values()))
            except OffhookError as error:
                if not self._is_failing:
                    _log.error("reboots cannot be saved now, tried again: %s", error)
                self._is_failing = True
                self._take_back()
                await asyncio.sleep(RETRY_S)
            except BaseException:
                self._take_back()
                raise
            else:
                self._is_failing = False
                self._in_flight = {}

    def _take_back(self) -> None:
        self._unsaved = {**self._in_flight, **self._unsaved}
        self._in_flight = {}
