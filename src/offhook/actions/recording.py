"""Recording attempts: the journal, what was last seen of each phone, and whoever listens."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from offhook.actions.ports import AttemptQuery, Journal, Publish
from offhook.actions.repeats import Repeats
from offhook.actions.state import State, joined
from offhook.core.events import AttemptRecorded
from offhook.core.identify import Identity
from offhook.core.mac import Mac
from offhook.core.model import Again, Attempt, Device, Sighting, UnknownPhone
from offhook.core.provision import guess_model, guess_vendor

ADDRESSES_KEPT = 4096
CAUGHT_UP = 50_000
"""Attempts looked at after a crash: more than are recorded between two writes of sightings."""

WRITTEN_LATE = timedelta(seconds=60)
"""A sighting is stored sooner than that after its attempt, unless its node crashes."""

_PAGE = 1000
_EVER = datetime.min.replace(tzinfo=UTC) + WRITTEN_LATE

# Turned away for where they came from: such a request tells nothing of the phone it names.
_TURNED_AWAY = ("P101", "P801", "P802", "P803")


@dataclass(slots=True)
class Recording:
    """Takes down finished attempts, each once; knows which phone was last seen at each address."""

    state: State
    journal: Journal
    publish: Publish
    _repeats: Repeats = field(init=False)
    _last_at: OrderedDict[str, Mac] = field(default_factory=OrderedDict)
    _held: list[Callable[[], None]] | None = None
    _is_caught_up: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._repeats = Repeats(self._see_again, self.publish)
        self._is_caught_up.set()

    @property
    def is_holding(self) -> bool:
        """Whether what was seen before a restart is still missing."""
        return self._held is not None

    def hold(self) -> None:
        """Keep back what is seen of phones until `catch_up`: the past is not loaded yet.

        Nothing is lost by a crash meanwhile: it is all in the journal, which is caught up with.
        """
        self._held = []
        self._is_caught_up.clear()

    async def caught_up(self) -> None:
        """Return when nothing is held back."""
        await self._is_caught_up.wait()

    def _latest(self) -> list[tuple[datetime, str, Mac]]:
        """Give which phones were seen last, where: as many as addresses are kept, oldest first."""
        found = (
            (seen.last_contact, seen.address, seen.mac)
            for seen in self.state.sightings.values()
            if seen.last_contact is not None
        )
        return sorted(heapq.nlargest(ADDRESSES_KEPT, found))

    async def catch_up(self) -> None:
        """See again what was recorded later than the sightings stored: a crash lost those.

        Of several nodes another one may have stored newer ones than the one that crashed. Then
        comes what was held back.
        """
        # On a thread, for phones are served meanwhile; nothing else changes sightings now.
        latest = await asyncio.to_thread(self._latest)
        missed = await self._missed(latest[-1][0] if latest else _EVER)
        held, self._held = self._held or [], None
        self._last_at.update((address, mac) for _, address, mac in latest)
        for attempt in reversed(missed):
            self._see_late(attempt)
        for see in held:
            see()
        self._is_caught_up.set()

    async def _missed(self, newest: datetime) -> list[Attempt]:
        """Give the newest attempts, back to what the sightings stored surely know."""
        missed: list[Attempt] = []
        for offset in range(0, CAUGHT_UP, _PAGE):
            _, page = await self.journal.attempts(AttemptQuery(limit=_PAGE, offset=offset))
            missed += page
            if len(page) < _PAGE or page[-1].at <= newest - WRITTEN_LATE:
                break
        return missed

    def _see_late(self, attempt: Attempt) -> None:
        device = self.state.devices.get(attempt.mac) if attempt.mac else None
        if device is None or attempt.fault in _TURNED_AWAY:
            return
        seen = self.state.sightings.get(device.mac)
        if seen is None or (seen.last_contact or _EVER) < attempt.at:
            self._see_device(device, attempt, attempt.at, attempt.address)

    def vendor_at(self, address: str) -> str:
        """The maker last served at an address: the best guess for a phone that told nothing."""
        mac = self._last_at.get(address)
        device = self.state.devices.get(mac) if mac else None
        return device.vendor if device else ""

    def record(self, attempt: Attempt, identity: Identity) -> None:
        """Take down an attempt."""
        if attempt.mac is not None and attempt.fault not in _TURNED_AWAY:
            device = self.state.devices.get(attempt.mac)
            if device is not None:
                self._see_device(device, attempt, attempt.at, attempt.address)
            elif not attempt.is_test:
                self._see_unknown(attempt, attempt.mac, identity)
        self.journal.record(attempt)
        self.publish(AttemptRecorded(attempt=attempt))

    def record_again(self, again: Again) -> None:
        """Take down that a registered device got what it had got before."""
        self.journal.record_again(again)
        self._repeats.add(again)

    def settle(self) -> None:
        """Do what follows from all that is taken down; call before looking at another request."""
        self._repeats.tell()

    def _see_again(self, again: Again) -> None:
        mac = again.first.mac
        device = self.state.devices.get(mac) if mac is not None else None
        if device is not None:
            self._see_device(device, again.first, again.at, again.address)

    def _see_device(self, device: Device, attempt: Attempt, at: datetime, address: str) -> None:
        if not attempt.is_from_phone:
            return
        if self._held is not None:
            self._held.append(partial(self._see_device, device, attempt, at, address))
            return
        mac = device.mac
        before = self.state.sightings.get(mac) or Sighting(mac=mac)
        seen = _seen(before, attempt, at, address)
        self.state.sightings[mac] = seen
        self._note_address(address, mac)
        self.journal.note_sighting(seen)

    def see_elsewhere(self, attempt: Attempt) -> None:
        """Take in what another node recorded: it is in the journal already."""
        if attempt.mac is None or attempt.fault in _TURNED_AWAY or not attempt.is_from_phone:
            return
        if attempt.mac in self.state.devices:
            before = self.state.sightings.get(attempt.mac)
            blank = replace(before, delivered={}) if before else Sighting(mac=attempt.mac)
            self.state.sightings[attempt.mac] = joined(
                before, _seen(blank, attempt, attempt.at, attempt.address)
            )
            self._note_address(attempt.address, attempt.mac)

    def _note_address(self, address: str, mac: Mac) -> None:
        self._last_at[address] = mac
        self._last_at.move_to_end(address)
        if len(self._last_at) > ADDRESSES_KEPT:
            self._last_at.popitem(last=False)

    def _see_unknown(self, attempt: Attempt, mac: Mac, identity: Identity) -> None:
        if self._held is not None:
            self._held.append(partial(self._see_unknown, attempt, mac, identity))
            return
        known = self.state.unknown.get(mac)
        phone = UnknownPhone(
            mac=mac,
            vendor=guess_vendor(mac, identity, self.state.source.profiles),
            model=guess_model(identity),
            firmware=attempt.firmware,
            address=attempt.address,
            user_agent=attempt.user_agent,
            first_seen=known.first_seen if known else attempt.at,
            last_seen=attempt.at,
            count=known.count + 1 if known else 1,
        )
        forgotten = self.state.see_unknown(phone)
        self.journal.note_unknown(phone)
        if forgotten is not None:
            self.journal.forget_unknown(forgotten)


def _seen(before: Sighting, attempt: Attempt, at: datetime, address: str) -> Sighting:
    """What is known of a phone after it asked."""
    delivered, provisioned = before.delivered, before.last_provisioned
    if attempt.digest and attempt.is_delivery:
        if delivered.get(attempt.file) != attempt.digest:
            delivered = {**delivered, attempt.file: attempt.digest}
        if attempt.is_device_file:
            provisioned = at
    return Sighting(
        mac=before.mac,
        address=address,
        user_agent=attempt.user_agent,
        firmware=attempt.firmware or before.firmware,
        last_contact=at,
        last_provisioned=provisioned,
        delivered=delivered,
    )
