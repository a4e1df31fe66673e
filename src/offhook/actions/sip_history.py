"""Keeps what phones did over SIP: what changes their state or went wrong, never each refresh."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.actions.ports import Journal
from offhook.actions.state import State
from offhook.core.events import (
    CallFailed,
    Event,
    HandshakeFailed,
    PhoneRegistered,
    PhoneUnregistered,
    RegisterHeard,
)
from offhook.core.mac import Mac
from offhook.core.model import RegisterOutcome, SipRecord

# A phone that is refused tries again at once and for ever; one line a minute tells it.
_QUIET = timedelta(minutes=1)
_REMEMBERED = 4096
# Finding a phone by its address looks at all of them.
_BETWEEN_LOOKS = timedelta(seconds=1)
_USUAL = frozenset({RegisterOutcome.REGISTERED, RegisterOutcome.REMOVED})


@dataclass(slots=True)
class SipHistory:
    """Listens to events and writes SIP records to the journal."""

    state: State
    journal: Journal
    _looked_at: datetime | None = None
    _told: OrderedDict[tuple[str, str, str], datetime] = field(default_factory=OrderedDict)

    def on_event(self, event: Event) -> None:
        """Record what belongs on a phone's timeline."""
        record = self._record_of(event)
        if record is not None:
            self.journal.record_sip(record)

    def _record_of(self, event: Event) -> SipRecord | None:
        match event:
            case PhoneRegistered(registration=found, is_new=is_new, was_rebooted=was_rebooted):
                if not (is_new or was_rebooted):
                    return None
                lifetime_s = round((found.expires_at - found.refreshed_at).total_seconds())
                return SipRecord(
                    at=event.at,
                    mac=found.mac or self._only_phone(found.extension),
                    extension=found.extension,
                    kind="registered" if is_new else "restarted",
                    source=found.source,
                    user_agent=found.user_agent,
                    status=200,
                    detail=f"for {lifetime_s} s",
                )
            case PhoneUnregistered(registration=found, reason=reason):
                return SipRecord(
                    at=event.at,
                    mac=found.mac or self._only_phone(found.extension),
                    extension=found.extension,
                    kind=reason,
                    source=found.source,
                    user_agent=found.user_agent,
                )
            case RegisterHeard(note=note) if note.outcome not in _USUAL:
                return self._rarely(
                    SipRecord(
                        at=note.at,
                        mac=note.mac or self._only_phone(note.extension),
                        extension=note.extension,
                        kind=note.outcome.value,
                        source=note.source,
                        user_agent=note.user_agent,
                        status=note.status,
                        detail="" if note.claimed is None else f"as {note.claimed}",
                    )
                )
            case CallFailed():
                return self._rarely(
                    SipRecord(
                        at=event.at,
                        mac=self._only_phone(event.callee),
                        extension=event.callee,
                        kind="call_failed",
                        source=event.source,
                        user_agent=event.callee_agent,
                        status=event.status,
                        detail=f"from {event.caller}: {event.reason}",
                    )
                )
            case HandshakeFailed():
                return self._of_address(event)
            case _:
                return None

    def _of_address(self, event: HandshakeFailed) -> SipRecord | None:
        """Give the failure to the phone that asked from there; behind NAT nobody can tell which."""
        if self._looked_at is not None and event.at - self._looked_at < _BETWEEN_LOOKS:
            return None
        self._looked_at = event.at
        seen = self.state.sightings.values()
        phones = [it.mac for it in seen if it.address == event.address]
        device = self.state.devices.get(phones[0]) if len(phones) == 1 else None
        if device is None:
            return None
        return SipRecord(
            at=event.at,
            mac=device.mac,
            extension=device.extension,
            kind="tls_failed",
            source=f"{event.transport}:{event.address}:0",
            detail=event.reason,
        )

    def _only_phone(self, number: str) -> Mac | None:
        """Give the phone of an extension that has just one; of several nobody can tell."""
        devices = self.state.devices_of(number)
        return devices[0].mac if len(devices) == 1 else None

    def _rarely(self, record: SipRecord) -> SipRecord | None:
        key = (record.extension, record.source.rpartition(":")[0], record.kind)
        last = self._told.get(key)
        if last is not None and record.at - last < _QUIET:
            return None
        self._told[key] = record.at
        self._told.move_to_end(key)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return record
