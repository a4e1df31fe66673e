"""What is happening now: events become names of topics, which open pages listen to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from offhook.core.events import (
    AttemptRecorded,
    AttemptsRepeated,
    CallFailed,
    Changed,
    Event,
    PhoneRegistered,
    PhoneUnregistered,
    RebootAdvanced,
    RegistrationRefused,
)
from offhook.core.model import Again, Attempt, Change
from offhook.web.ports import Services

TOPICS = ("fleet", "phones", "unknown", "people", "log", "changes")
MINUTES = 60
LINES = 500
LISTENERS_MAX = 200
PHONES_MAX = 1000
_NO_PHONE = frozenset({""})
_OF_ATTEMPTS = frozenset({"fleet", "phones", "unknown", "log"})
_OF_CHANGES = frozenset({"fleet", "phones", "people", "unknown", "changes", "log"})
# Topics are gathered for so long: a boot storm must not make every open page ask each time.
GATHER_S = 0.5
KEEP_ALIVE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the live log. `kind` as the timeline has it; `mac` is plain or empty.

    `has_failed` when a phone did not get what it wanted: somebody may want to look.
    """

    at: datetime
    kind: str
    what: str
    mac: str = ""
    status: int = 0
    fault: str = ""
    extension: str = ""
    has_failed: bool = False


@dataclass(slots=True, eq=False)
class _Listener:
    topics: set[str] = field(default_factory=set)
    more: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """Listens to events; keeps the last minutes' contacts and the last lines; wakes open pages.

    Topics: fleet, phones, unknown, people, log, changes, and `phone-<mac>` for one phone.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._listeners: set[_Listener] = set()
        self._minutes: deque[tuple[int, int]] = deque(maxlen=MINUTES)
        self._recent: deque[Line | Attempt | Again | Change] = deque(maxlen=LINES)
        self._is_closed = False
        # Numbers are moments, so that those of an earlier run of the server are smaller.
        self.number = int(services.now().timestamp() * 1000)
        self._latest = dict.fromkeys(TOPICS, self.number)
        self._phones: dict[str, int] = {}  # the same by MAC, the longest silent first
        services.events.subscribe(self._on_event, hears_others=True)

    def contacts(self) -> list[int]:
        """Requests of phones in each of the last 60 minutes, oldest first."""
        now = int(self._services.now().timestamp() // 60)
        counts = dict(self._minutes)
        return [counts.get(minute, 0) for minute in range(now - MINUTES + 1, now + 1)]

    @property
    def lines(self) -> list[Line]:
        """The last lines, newest first; what comes in great number is put into words only here."""
        return [item if isinstance(item, Line) else _line_of(item) for item in tuple(self._recent)]

    def close(self) -> None:
        """End all streams, so that the server can stop at once."""
        self._is_closed = True
        for listener in self._listeners:
            listener.more.set()

    async def stream(self, seen: int) -> AsyncIterator[bytes]:
        """Give server-sent events: the topics that something happened to, as it happens.

        It begins with what happened after `seen`, the `number` when the page was asked for: nothing
        is missed between that and the connection, nor while a connection was broken.
        """
        if len(self._listeners) >= LISTENERS_MAX:
            yield b"retry: 60000\n\n"
            return
        listener = _Listener()
        listener.topics |= {topic for topic, at in self._latest.items() if at > seen}
        listener.topics |= {f"phone-{mac}" for mac, at in self._phones.items() if at > seen}
        if listener.topics:
            listener.more.set()
        self._listeners.add(listener)
        try:
            yield b"retry: 2000\nevent: hello\ndata: 1\n\n"
            while not self._is_closed:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        await listener.more.wait()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if self._is_closed:
                    break
                await asyncio.sleep(GATHER_S)
                listener.more.clear()
                topics, listener.topics = listener.topics, set()
                for topic in sorted(topics):
                    yield f"id: {self.number}\nevent: {topic}\ndata: 1\n\n".encode()
        finally:
            self._listeners.discard(listener)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AttemptRecorded):
            self._see_attempts((event.attempt,))
            return
        if isinstance(event, AttemptsRepeated):
            self._see_attempts(event.repeats)
            return
        if isinstance(event, Changed):
            self._see_change(event)
            return
        topics, line = _told(event)
        if line is not None:
            self._recent.appendleft(line)
            topics = {*topics, "log"}
        own = {line.mac} if line is not None and line.mac else set()
        self._wake(topics, own | self._phones_of(event))

    def _see_change(self, event: Changed) -> None:
        change = event.change
        self._recent.appendleft(change)
        own = {change.subject} if change.noun == "device" else self._phones_of(event)
        self._wake(_OF_CHANGES, own)

    def _see_attempts(self, attempts: Sequence[Attempt | Again]) -> None:
        self._count(attempts[-1].at, len(attempts))
        self._recent.extendleft(attempts)
        told = (it.first if isinstance(it, Again) else it for it in attempts)
        self._wake(_OF_ATTEMPTS, {it.mac_plain for it in told} - _NO_PHONE)

    def _wake(self, topics: Set[str], phones: Set[str]) -> None:
        if not topics and not phones:
            return
        self._note(topics, phones)
        if self._listeners:
            woken = topics | {f"phone-{mac}" for mac in phones}
            for listener in self._listeners:
                listener.topics |= woken
                listener.more.set()

    def _phones_of(self, event: Event) -> set[str]:
        """MACs of the phones of an extension: most do not tell their MAC when they register."""
        match event:
            case PhoneRegistered(registration=found, is_new=is_new, was_rebooted=was_rebooted):
                number = found.extension if is_new or was_rebooted else ""
            case PhoneUnregistered(registration=found):
                number = found.extension
            case RegistrationRefused(extension=number):
                pass
            case Changed(change=change) if change.noun == "extension":
                number = change.subject
            case _:
                number = ""
        devices = self._services.state.devices_of(number) if number and self._listeners else ()
        return {device.mac.plain for device in devices}

    def _note(self, topics: Set[str], phones: Set[str]) -> None:
        """Number what happened; of single phones it is kept as long as there is room."""
        number = max(self.number + 1, int(self._services.now().timestamp() * 1000))
        self.number = number
        self._latest.update(dict.fromkeys(topics, number))
        for mac in phones:
            self._phones.pop(mac, None)
            self._phones[mac] = number
        while len(self._phones) > PHONES_MAX:
            del self._phones[next(iter(self._phones))]

    def _count(self, at: datetime, number: int) -> None:
        minute = int(at.timestamp() // 60)
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1] = (minute, self._minutes[-1][1] + number)
        else:
            self._minutes.append((minute, number))


def _told(event: Event) -> tuple[set[str], Line | None]:
    match event:
        case PhoneRegistered(registration=found, is_new=is_new, was_rebooted=was_rebooted):
            if not (is_new or was_rebooted):
                return set(), None
            what = f"extension {found.extension} registered from {found.source}"
            mac = found.mac.plain if found.mac else ""
            topics = {"fleet", "phones", "people"}
            return topics, Line(at=event.at, kind="sip", what=what, mac=mac, status=200)
        case PhoneUnregistered(registration=found, reason=reason):
            what = f"extension {found.extension} {reason}, was at {found.source}"
            mac = found.mac.plain if found.mac else ""
            return {"fleet", "phones", "people"}, Line(at=event.at, kind="sip", what=what, mac=mac)
        case _:
            return _told_more(event)


def _told_more(event: Event) -> tuple[set[str], Line | None]:
    match event:
        case RegistrationRefused():
            what = f"REGISTER as {event.claimed} from {event.source} refused: {event.reason}"
            mac = event.mac.plain if event.mac else ""
            line = Line(at=event.at, kind="sip", what=what, mac=mac, has_failed=True)
            return {"fleet", "phones"}, line
        case CallFailed():
            what = f"call {event.caller} to {event.callee} failed: {event.status} {event.reason}"
            line = Line(at=event.at, kind="sip", what=what, status=event.status, has_failed=True)
            return {"fleet"}, line
        case RebootAdvanced(reboot=reboot):
            moments = [reboot.asked_at, *reboot.steps.values()]
            what = f"extension {reboot.extension}: NOTIFY {reboot.event}, {reboot.step.value}"
            mac = reboot.mac.plain if reboot.mac else ""
            line = Line(
                at=max(moments),
                kind="reboot",
                what=what,
                mac=mac,
                status=reboot.sip_code,
                fault=reboot.fault,
                has_failed=bool(reboot.fault),
            )
            return {"fleet", "phones"}, line
        case _:
            return set(), None


def _line_of(told: Attempt | Again | Change) -> Line:
    return _of_change(told) if isinstance(told, Change) else _of_request(told)


def _of_change(change: Change) -> Line:
    what = f"{change.noun} {change.subject} {change.action} by {change.actor}"
    mac = change.subject if change.noun == "device" else ""
    return Line(at=change.at, kind="change", what=what, mac=mac)


def _of_request(told: Attempt | Again) -> Line:
    attempt = told.attempt() if isinstance(told, Again) else told
    test = " (test)" if attempt.is_test else ""
    return Line(
        at=attempt.at,
        kind="request",
        what=f"{attempt.method} {attempt.path} from {attempt.address}{test}",
        mac=attempt.mac.plain if attempt.mac else "",
        status=attempt.status,
        fault=attempt.fault,
        extension=attempt.extension,
        has_failed=not attempt.is_success,
    )
