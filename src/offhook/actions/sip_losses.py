"""What phones lost over SIP and did not get back yet: registrations, busy lamps. Bounded."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta

from offhook.core.events import (
    Event,
    PhoneRegistered,
    PhoneUnregistered,
    RegisterHeard,
    SubscriptionLost,
    SubscriptionRegained,
)
from offhook.core.model import RegisterNote, RegisterOutcome, Registration
from offhook.diagnosis.facts import ContactsWiped

EXTENSIONS = 500
LAMPS = 2000
# What one REGISTER removed is told right before the note of that REGISTER.
_LAST_REMOVED = 32
_SAME_MOMENT = timedelta(seconds=1)


@dataclass(slots=True)
class SipLosses:
    """Listens to events; what comes back is forgotten."""

    _removed: deque[PhoneUnregistered] = field(default_factory=lambda: deque(maxlen=_LAST_REMOVED))
    _wiped: OrderedDict[str, ContactsWiped] = field(default_factory=OrderedDict)
    _lamps: OrderedDict[tuple[str, str, str], SubscriptionLost] = field(default_factory=OrderedDict)

    def on_event(self, event: Event) -> None:
        """Take note of a loss, or of what came back."""
        match event:
            case PhoneUnregistered(reason="removed"):
                self._removed.append(event)
            case RegisterHeard(note=note) if note.outcome is RegisterOutcome.REMOVED:
                self._note_wiped(note)
            case PhoneRegistered(registration=registration):
                self._note_back(registration)
            case SubscriptionLost():
                self._lamps[(event.watcher, event.target, event.host)] = event
                if len(self._lamps) > LAMPS:
                    self._lamps.popitem(last=False)
            case SubscriptionRegained():
                self._lamps.pop((event.watcher, event.target, event.host), None)
            case _:
                pass

    def wiped(self) -> tuple[ContactsWiped, ...]:
        """Give who removed the registrations of others, newest first."""
        return tuple(reversed(self._wiped.values()))

    def lamps(self) -> tuple[SubscriptionLost, ...]:
        """Give the busy lamps that are dark, newest first."""
        return tuple(reversed(self._lamps.values()))

    def _note_wiped(self, note: RegisterNote) -> None:
        victims = tuple(
            event.registration
            for event in self._removed
            if event.registration.extension == note.extension
            and event.registration.address != note.host
            and abs(note.at - event.at) < _SAME_MOMENT
        )
        self._removed.clear()
        if victims:
            self._wiped[note.extension] = ContactsWiped(note=note, victims=victims)
            self._wiped.move_to_end(note.extension)
            if len(self._wiped) > EXTENSIONS:
                self._wiped.popitem(last=False)

    def _note_back(self, registration: Registration) -> None:
        wiped = self._wiped.get(registration.extension)
        if wiped is None:
            return
        left = tuple(item for item in wiped.victims if not _is_same(item, registration))
        if left:
            self._wiped[registration.extension] = replace(wiped, victims=left)
        else:
            del self._wiped[registration.extension]


def _is_same(was: Registration, now: Registration) -> bool:
    if was.mac is not None and now.mac is not None:
        return was.mac == now.mac
    return was.contact == now.contact or was.address == now.address
