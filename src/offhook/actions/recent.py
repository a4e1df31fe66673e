"""The last requests of all phones: read once, then kept up to date by listening."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field

from offhook.actions.ports import AttemptQuery, Journal
from offhook.core.events import AttemptRecorded, AttemptsRepeated, Event
from offhook.core.mac import Mac
from offhook.core.model import Again, Attempt

RECENT_ATTEMPTS = 1000


@dataclass(slots=True)
class Recent:
    """Bounded; asked for each phone that is judged, where reading the journal would cost more."""

    journal: Journal
    # With whose it is, since all are looked through for a few phones.
    _kept: deque[tuple[Mac | None, Attempt | Again]] = field(
        default_factory=lambda: deque(maxlen=RECENT_ATTEMPTS)
    )
    _is_read: bool = False

    def on_event(self, event: Event) -> None:
        """Take down what phones asked, here or at another node."""
        match event:
            case AttemptRecorded(attempt=attempt):
                self._kept.append((attempt.mac, attempt))
            case AttemptsRepeated(repeats=repeats):
                self._kept.extend([(it.first.mac, it) for it in repeats])
            case _:
                pass

    async def attempts(self, macs: Container[Mac | None] | None = None) -> list[Attempt]:
        """Give the last requests, newest first; with `macs` those of some phones."""
        if not self._is_read:
            await self._read()
        kept = [one for mac, one in self._kept if macs is None or mac in macs]
        found = [one.attempt() if isinstance(one, Again) else one for one in kept]
        found.sort(key=lambda attempt: attempt.at)  # another node tells of its own later
        return found[::-1]

    async def _read(self) -> None:
        """Put what was recorded before we listened in front."""
        _, before = await self.journal.attempts(AttemptQuery(limit=RECENT_ATTEMPTS))
        heard = {one.request_id for _, one in self._kept}
        known = [(one.mac, one) for one in reversed(before) if one.request_id not in heard]
        self._kept = deque([*known, *self._kept], maxlen=RECENT_ATTEMPTS)
        self._is_read = True
