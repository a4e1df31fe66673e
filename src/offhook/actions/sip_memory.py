"""What was lately heard over SIP, bounded: REGISTERs of each phone, and calls that failed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.actions.sip_losses import SipLosses
from offhook.core.events import CallFailed, Changed, Event, RegisterHeard
from offhook.core.model import Change, RegisterNote, RegisterOutcome
from offhook.diagnosis.facts import SipFacts

PHONES = 4096
NOTES_EACH = 12
FAILED_CALLS = 500
# Of a phone that refreshes in peace the last three suffice; a hasty one is kept whole.
_CALM_NOTES = 3
_HASTE = timedelta(seconds=10)
_WENT_WELL = (RegisterOutcome.REGISTERED, RegisterOutcome.REMOVED)


@dataclass(slots=True)
class NotesByPhone:
    """The newest notes of each phone; the phone that was silent longest is forgotten first."""

    phones: int = PHONES
    each: int = NOTES_EACH
    _kept: OrderedDict[tuple[str, str], deque[RegisterNote]] = field(default_factory=OrderedDict)

    def add(self, note: RegisterNote, *, is_thinned: bool = False) -> None:
        """Keep a note; `is_thinned` drops the older ones of a phone that is in no haste."""
        key = (note.extension, note.host)
        notes = self._kept.setdefault(key, deque(maxlen=self.each))
        self._kept.move_to_end(key)
        if is_thinned and notes and note.at - notes[-1].at >= _HASTE:
            while len(notes) >= _CALM_NOTES:
                notes.popleft()
        notes.append(note)
        if len(self._kept) > self.phones:
            self._kept.popitem(last=False)

    def __iter__(self) -> Iterator[RegisterNote]:
        for notes in self._kept.values():
            yield from notes


@dataclass(slots=True)
class SipMemory:
    """Listens to events. Phones that do well do not push out what is known of the others."""

    _well: NotesByPhone = field(default_factory=NotesByPhone)
    _ill: NotesByPhone = field(default_factory=NotesByPhone)
    _failed: deque[CallFailed] = field(default_factory=lambda: deque(maxlen=FAILED_CALLS))
    _secrets: dict[str, datetime] = field(default_factory=dict)
    _losses: SipLosses = field(default_factory=SipLosses)

    def on_event(self, event: Event) -> None:
        """Remember what the rules of SIP look at."""
        self._losses.on_event(event)
        match event:
            case RegisterHeard(note=note):
                if note.outcome in _WENT_WELL:
                    self._well.add(note, is_thinned=True)
                else:
                    self._ill.add(note)
            case CallFailed():
                self._failed.appendleft(event)
            case Changed(change=change) if change.noun == "extension":
                self._note_secret(change)
            case _:
                pass

    def facts(self) -> SipFacts:
        """Give what is remembered, newest first."""
        notes = sorted((*self._well, *self._ill), key=lambda note: note.at, reverse=True)
        return SipFacts(
            notes=tuple(notes),
            failed_calls=tuple(self._failed),
            secrets_changed=dict(self._secrets),
            wiped=self._losses.wiped(),
            lost_watches=self._losses.lamps(),
        )

    def _note_secret(self, change: Change) -> None:
        if change.action == "deleted":
            self._secrets.pop(change.subject, None)
        elif change.after is not None and change.after.get("secret") == "changed":
            self._secrets[change.subject] = change.at
