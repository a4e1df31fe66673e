"""What other nodes on the same database did, taken in as if it had happened here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from offhook.actions.files import Files
from offhook.actions.phones import Phones
from offhook.actions.ports import (
    DeleteDevice,
    DeleteExtension,
    Publish,
    PutDevice,
    PutExtension,
    PutSettings,
    Write,
)
from offhook.actions.reboots import Reboots
from offhook.actions.state import State
from offhook.core.directory import Link
from offhook.core.events import AttemptRecorded, Changed
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Change, Reboot, UnknownPhone

_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What others committed up to `revision`: rows as they are now, and who else should look.

    `kinds` are all kinds of rows named; with `has_gap` so much happened that all is read anew.
    """

    revision: int
    writes: Sequence[Write] = ()
    changes: Sequence[Change] = ()
    reboots: Sequence[Reboot] = ()
    kinds: frozenset[str] = frozenset()
    has_gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Which phones asked other nodes, up to a batch; the tally is of (is_success, is_test)."""

    batch: int
    attempts: Sequence[Attempt] = ()
    unknown: Sequence[UnknownPhone] = ()
    tally: Mapping[tuple[bool, bool], int] = field(default_factory=Counter)
    has_gap: bool = False


class NewsStore(Protocol):
    """Reads what other nodes wrote; each call gives what came since the last `note_…`."""

    async def news(self) -> News:
        """What was committed. Raises StoreError."""
        ...

    def note_news(self, news: News) -> None:
        """Remember that these were taken in."""
        ...

    async def contacts(self) -> Contacts:
        """Which phones asked. Raises StoreError."""
        ...

    def note_contacts(self, contacts: Contacts) -> None:
        """Remember that these were taken in, and count them."""
        ...

    async def recount(self) -> None:
        """Count the journal anew: some batches were forgotten before we read them."""
        ...

    async def links(self) -> list[Link]:
        """All links of directory people."""
        ...


@dataclass(slots=True)
class Elsewhere:
    """Takes in what others did. `on_kind` is called for rows kept elsewhere than in the state.

    `on_anew` is called after everything was read again.
    """

    state: State
    files: Files
    phones: Phones
    reboots: Reboots
    store: NewsStore
    publish: Publish
    on_kind: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    on_anew: list[Callable[[], None]] = field(default_factory=list)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def catch_up(self) -> None:
        """Take in everything committed until now. Raises StoreError."""
        async with self._reading:
            while True:
                news = await self.store.news()
                if news.has_gap:
                    await self._read_anew()
                    return
                self._take(news)
                self.store.note_news(news)
                if not (news.writes or news.changes or news.reboots or news.kinds):
                    return

    async def see_contacts(self) -> None:
        """Take in which phones asked other nodes until now. Raises StoreError."""
        while True:
            contacts = await self.store.contacts()
            if contacts.has_gap:
                await self.store.recount()
                await self.catch_up_anew()
                return
            for begin in range(0, len(contacts.attempts), _AT_ONCE):
                for attempt in contacts.attempts[begin : begin + _AT_ONCE]:
                    self.phones.see_elsewhere(attempt)
                    self.publish(AttemptRecorded(attempt=attempt))
                await asyncio.sleep(0)
            for phone in contacts.unknown:
                if phone.mac not in self.state.devices:
                    self.state.see_unknown(phone)
            self.store.note_contacts(contacts)
            if not contacts.attempts:
                return

    async def catch_up_anew(self) -> None:
        """Read everything again. Raises StoreError."""
        async with self._reading:
            await self._read_anew()

    async def _read_anew(self) -> None:
        links = await self.store.links()
        await self.state.load()
        self.state.links.clear()
        self.state.links.update((link.guid, link) for link in links)
        self.files.forget_all()
        await self.reboots.load()
        for listeners in self.on_kind.values():
            _call(listeners)
        _call(self.on_anew)

    def _take(self, news: News) -> None:
        numbers = [it.extension.number for it in news.writes if isinstance(it, PutExtension)]
        numbers += [it.number for it in news.writes if isinstance(it, DeleteExtension)]
        macs = [it.device.mac for it in news.writes if isinstance(it, PutDevice)]
        macs += [it.mac for it in news.writes if isinstance(it, DeleteDevice)]
        if news.writes:
            self.state.take_over(news.writes)
        self.files.forget(macs)
        self.files.forget(self._macs_of(numbers))
        if any(isinstance(it, PutSettings) for it in news.writes):
            self.files.forget_all()
        for change in news.changes:
            self.publish(Changed(change=change))
        self.reboots.learn(news.reboots)
        for kind in news.kinds:
            _call(self.on_kind.get(kind, ()))

    def _macs_of(self, numbers: Sequence[str]) -> list[Mac]:
        return [device.mac for number in numbers for device in self.state.devices_of(number)]


def _call(listeners: Sequence[Callable[[], None]]) -> None:
    for listener in listeners:
        listener()
