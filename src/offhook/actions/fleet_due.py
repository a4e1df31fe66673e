"""Which phones to judge next: those that something happened to, and the others in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.actions.ports import Clock
from offhook.actions.state import State
from offhook.core.events import (
    AttemptRecorded,
    AttemptsRepeated,
    CallFailed,
    Changed,
    Event,
    PhoneRegistered,
    PhoneUnregistered,
    RebootAdvanced,
    RegisterHeard,
    SubscriptionLost,
    SubscriptionRegained,
)
from offhook.core.mac import Mac, parse_mac
from offhook.core.model import Change, RegisterOutcome

# Faults that come by waiting (not registered within three minutes) are seen by a second look.
_SECOND_LOOK = timedelta(minutes=4)
_ROUND = timedelta(minutes=30)
_REPEATED = timedelta(minutes=1)
_USUAL = frozenset({RegisterOutcome.REGISTERED, RegisterOutcome.REMOVED})


@dataclass(slots=True, kw_only=True)
class Due:
    """Learns from events; `judged_at` tells of when the last verdict on a phone is.

    `forget` is called for a phone that is none of ours any more.
    """

    state: State
    now: Clock
    judged_at: Callable[[Mac], datetime | None]
    forget: Callable[[Mac], object]
    _now: set[Mac] = field(default_factory=set)
    _soon: dict[Mac, datetime] = field(default_factory=dict)
    _again: deque[tuple[datetime, Mac]] = field(default_factory=deque)
    _round: Iterator[Mac] = field(default_factory=lambda: iter(()))
    _requests: int = 0

    def __len__(self) -> int:
        return len(self._now)

    def is_waiting(self, mac: Mac) -> bool:
        """Tell whether something happened to a phone since it was judged."""
        return mac in self._now or mac in self._soon

    def add(self, macs: Iterable[Mac]) -> None:
        """Judge these next."""
        self._now.update(macs)

    def some(self, number: int) -> list[Mac]:
        """Take up to so many."""
        return [self._now.pop() for _ in range(min(number, len(self._now)))]

    def drop(self, macs: Iterable[Mac]) -> None:
        """These are being judged: what happened until now is seen by that."""
        for mac in macs:
            self._now.discard(mac)
            self._soon.pop(mac, None)

    def take_requests(self) -> int:
        """How many requests came since the last call."""
        requests, self._requests = self._requests, 0
        return requests

    def begin(self, moment: datetime) -> None:
        """Take those whose time has come."""
        while self._again and self._again[0][0] <= moment:
            self._now.add(self._again.popleft()[1])
        ripe = []
        for mac, at in self._soon.items():
            if at > moment:
                break
            ripe.append(mac)
        for mac in ripe:
            del self._soon[mac]
        self._mark(ripe)

    def fill(self, number: int, moment: datetime) -> None:
        """Have up to so many, with the next of the round that were not looked at for long."""
        missing = number - len(self._now)
        for _ in range(4 * missing):  # never walks far at once
            mac = next(self._round, None)
            if mac is None:
                self._round = iter(tuple(self.state.devices))
                return
            judged_at = self.judged_at(mac)
            if mac in self.state.devices and (judged_at is None or moment - judged_at >= _ROUND):
                self._now.add(mac)
                missing -= 1
                if missing <= 0:
                    return

    # --- events --------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Note whom something happened to."""
        match event:
            case AttemptRecorded(attempt=attempt):
                self._requests += 1
                self._mark(() if attempt.mac is None else (attempt.mac,))
            case AttemptsRepeated(repeats=repeats):
                self._requests += len(repeats)
                self._mark_repeated({it.first.mac for it in repeats})
            case RebootAdvanced(reboot=reboot):
                self._mark(() if reboot.mac is None else (reboot.mac,))
            case Changed(change=change):
                self._mark_changed(change)
            case _:
                self._mark_number(_number_of(event))

    def _mark(self, macs: Iterable[Mac]) -> None:
        later = self.now() + _SECOND_LOOK
        for mac in macs:
            if mac not in self.state.devices:
                self.forget(mac)
            elif mac not in self._now:
                self._now.add(mac)
                self._again.append((later, mac))

    def _mark_repeated(self, macs: Iterable[Mac | None]) -> None:
        """Note who got once more what it had got: that seldom changes a verdict of just now.

        So such a phone is judged about once a minute, however often it asks.
        """
        moment = self.now()
        for mac in macs:
            if mac is None or mac in self._soon or mac in self._now:
                continue
            judged_at = self.judged_at(mac)
            if judged_at is None or moment - judged_at >= _REPEATED:
                self._mark((mac,))
            else:
                self._soon[mac] = moment + _REPEATED

    def _mark_number(self, number: str) -> None:
        if number:
            self._mark(device.mac for device in self.state.devices_of(number))

    def _mark_changed(self, change: Change) -> None:
        """A device, the phones of an extension, or all for what they share; a token is of none."""
        match change.noun:
            case "device":
                mac = parse_mac(change.subject)
                self._mark(() if mac is None else (mac,))
            case "extension":
                self._mark_number(change.subject)
            case "settings" | "templates":
                self.add(self.state.devices)


def _number_of(event: Event) -> str:
    """The extension whose phones an event of SIP may have made right or wrong; or empty."""
    match event:
        case PhoneRegistered(registration=found, is_new=is_new, was_rebooted=was_rebooted):
            return found.extension if is_new or was_rebooted else ""
        case PhoneUnregistered(registration=found):
            return found.extension
        case RegisterHeard(note=note):
            return note.extension if note.outcome not in _USUAL else ""
        case CallFailed(callee=callee):
            return callee
        case SubscriptionLost(watcher=watcher) | SubscriptionRegained(watcher=watcher):
            return watcher
        case _:
            return ""
