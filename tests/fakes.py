"""Small stand-ins for the ports: they keep what they are given and fail when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from offhook.actions.ports import (
    AttemptQuery,
    DeleteDevice,
    DeleteExtension,
    EngineHealth,
    InventoryImage,
    NotifyKind,
    NotifyOrder,
    NotifyOutcome,
    PutDevice,
    PutExtension,
    PutSettings,
    SeenImage,
    Write,
)
from offhook.core.mac import Mac
from offhook.core.model import (
    Again,
    Attempt,
    Change,
    Device,
    Extension,
    LiveCall,
    Reboot,
    RebootStep,
    Registration,
    Settings,
    SettingScope,
    Sighting,
    UnknownPhone,
)
from offhook.errors import StoreError

ACCEPTED = NotifyOutcome(kind=NotifyKind.ACCEPTED, code=200, reason="OK", rtt_ms=1.0)


@dataclass(slots=True)
class FakeClock:
    """A moment that only a test moves."""

    at: datetime = datetime(2025, 12, 5, 19, 0, tzinfo=UTC)
    began: datetime = datetime(2025, 12, 5, 18, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - self.began).total_seconds()

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(slots=True)
class FakeInventoryStore:
    """Applies writes to its own maps, all or none; `fails` makes commits fail, `gate` waits."""

    extensions: dict[str, Extension] = field(default_factory=dict)
    devices: dict[Mac, Device] = field(default_factory=dict)
    settings: dict[SettingScope, Settings] = field(default_factory=dict)
    sightings: list[Sighting] = field(default_factory=list)
    unknown: list[UnknownPhone] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    fails: bool = False
    gate: asyncio.Event | None = None
    running: int = 0
    most_running: int = 0

    async def load(self) -> InventoryImage:
        return InventoryImage(
            extensions=list(self.extensions.values()),
            devices=list(self.devices.values()),
            settings=dict(self.settings),
        )

    async def load_seen(self) -> SeenImage:
        return SeenImage(sightings=list(self.sightings), unknown=list(self.unknown))

    async def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            if self.fails:
                raise StoreError("the database is gone")
            for write in writes:
                self._apply(write)
            self.changes += changes
        finally:
            self.running -= 1

    async def list_changes(self, limit: int, offset: int = 0, subject: str = "") -> list[Change]:
        found = [item for item in reversed(self.changes) if subject in ("", item.subject)]
        return found[offset : offset + limit]

    def _apply(self, write: Write) -> None:
        match write:
            case PutExtension(extension=extension):
                self.extensions[extension.number] = extension
            case DeleteExtension(number=number):
                self.extensions.pop(number, None)
            case PutDevice(device=device):
                self.devices[device.mac] = device
            case DeleteDevice(mac=mac):
                self.devices.pop(mac, None)
            case PutSettings(scope=scope, settings=settings):
                self.settings[scope] = settings


@dataclass(slots=True)
class FakeJournal:
    """Keeps everything in lists; newest first when asked."""

    recorded: list[Attempt] = field(default_factory=list)
    sightings: dict[Mac, Sighting] = field(default_factory=dict)
    unknown: dict[Mac, UnknownPhone] = field(default_factory=dict)

    def record(self, attempt: Attempt) -> None:
        self.recorded.append(attempt)

    def record_again(self, again: Again) -> None:
        self.recorded.append(again.attempt())

    def note_sighting(self, sighting: Sighting) -> None:
        self.sightings[sighting.mac] = sighting

    def note_unknown(self, phone: UnknownPhone) -> None:
        self.unknown[phone.mac] = phone

    def forget_unknown(self, mac: Mac) -> None:
        self.unknown.pop(mac, None)

    async def attempts(self, query: AttemptQuery) -> tuple[int, list[Attempt]]:
        found = [
            item
            for item in reversed(self.recorded)
            if query.mac in (None, item.mac) and query.is_success in (None, item.is_success)
        ]
        return len(found), found[query.offset : query.offset + query.limit]

    async def counts(self) -> Mapping[str, int]:
        counted = [item for item in self.recorded if not item.is_test]
        successful = sum(item.is_success for item in counted)
        return {
            "total": len(counted),
            "successful": successful,
            "failed": len(counted) - successful,
        }


@dataclass(slots=True)
class FakeRebootStore:
    """Keeps the last of each id; the first `slow` puts are overtaken by those that follow."""

    kept: dict[str, Reboot] = field(default_factory=dict)
    puts: list[tuple[str, RebootStep]] = field(default_factory=list)
    slow: int = 0
    fails: bool = False

    async def put_reboots(self, records: Sequence[Reboot]) -> None:
        self.slow, is_slow = max(0, self.slow - 1), self.slow > 0
        for _ in range(20 if is_slow else 0):
            await asyncio.sleep(0)
        if self.fails:
            raise StoreError("the database is gone")
        for reboot in records:
            self.puts.append((reboot.id, reboot.step))
            self.kept[reboot.id] = reboot

    async def claim_reboot(self, reboot: Reboot, at: datetime) -> bool:
        return True

    async def force_reboots(self, ids: Collection[str]) -> None:
        pass

    async def open_reboots(self, limit: int) -> list[Reboot]:
        return list(self.kept.values())[-limit:]

    async def get_reboot(self, reboot_id: str) -> Reboot | None:
        return self.kept.get(reboot_id)

    async def list_reboots(
        self, limit: int, mac: Mac | None = None, extension: str = ""
    ) -> list[Reboot]:
        newest_first = sorted(
            self.kept.values(), key=lambda item: (item.asked_at, item.id), reverse=True
        )
        found = [
            item
            for item in newest_first
            if mac in (None, item.mac) and extension in ("", item.extension)
        ]
        return found[:limit]


@dataclass(slots=True)
class FakeUploads:
    """Keeps bodies up to a size."""

    limit_bytes: int = 1000
    kept: dict[tuple[Mac, str], tuple[bytes, datetime]] = field(default_factory=dict)
    fails: bool = False

    async def put_upload(self, mac: Mac, file: str, body: bytes, at: datetime) -> bool:
        if self.fails:
            raise StoreError("the database is gone")
        if len(body) > self.limit_bytes:
            return False
        self.kept[mac, file] = (body, at)
        return True

    async def get_upload(self, mac: Mac, file: str) -> bytes | None:
        if self.fails:
            raise StoreError("the database is gone")
        found = self.kept.get((mac, file))
        return found[0] if found else None

    async def list_uploads(self, mac: Mac) -> list[tuple[str, int, datetime]]:
        found = [(n, len(body), at) for (m, n), (body, at) in self.kept.items() if m == mac]
        return sorted(found, key=lambda item: item[2], reverse=True)

    async def names_of(self, macs: Collection[Mac]) -> list[tuple[Mac, str, datetime]]:
        return sorted((m, n, at) for (m, n), (_, at) in self.kept.items() if m in macs)


@dataclass(slots=True)
class FakeEngine:
    """Lists the bindings it is given; answers NOTIFYs as scripted, by contact, else 200.

    A script is an outcome, an exception, or a future that a test completes. `unsendable` contacts
    never let a NOTIFY out. `on_leave` runs when one leaves, before that is told; `on_send` when it
    has left, before its answer.
    """

    bindings: list[Registration] = field(default_factory=list)
    live_calls: list[LiveCall] = field(default_factory=list)
    scripts: dict[str, NotifyOutcome | Exception | asyncio.Future[NotifyOutcome]] = field(
        default_factory=dict
    )
    unsendable: set[str] = field(default_factory=set)
    left: dict[str, bool] = field(default_factory=dict)
    orders: list[NotifyOrder] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    on_leave: Callable[[], None] = lambda: None
    on_send: Callable[[NotifyOrder], None] | None = None
    removed: list[str] = field(default_factory=list)

    async def start(self) -> None:
        """Nothing to bind."""

    async def stop(self) -> None:
        """Nothing to close."""

    def health(self) -> EngineHealth:
        return EngineHealth(is_up=True, listening=("udp:127.0.0.1:5060",), counters={})

    def registrations(self, extension: str | None = None) -> tuple[Registration, ...]:
        return tuple(item for item in self.bindings if extension in (None, item.extension))

    def calls(self) -> tuple[LiveCall, ...]:
        return tuple(self.live_calls)

    async def notify(self, order: NotifyOrder, on_sent: Callable[[], None]) -> NotifyOutcome:
        self.orders.append(order)
        contact = order.registration.contact
        script = self.scripts.get(contact, ACCEPTED)
        await asyncio.sleep(0)
        if contact not in self.unsendable:
            self.sent_s.append(asyncio.get_running_loop().time())
            order.is_ours()
            self.on_leave()
            on_sent()
            if self.on_send is not None:
                self.on_send(order)
        await asyncio.sleep(0)
        if isinstance(script, Exception):
            raise script
        return script if isinstance(script, NotifyOutcome) else await script

    async def has_left(self, call_id: str) -> bool | None:
        return self.left.get(call_id)

    async def remove(self, extension: str) -> int:
        before = len(self.bindings)
        self.bindings = [item for item in self.bindings if item.extension != extension]
        self.removed.append(extension)
        return before - len(self.bindings)

    def contacts_notified(self) -> list[str]:
        return [order.registration.contact for order in self.orders]
