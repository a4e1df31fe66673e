"""What actions need from the world: databases and SIP engines implement these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from offhook.core.directory import Link
from offhook.core.events import Event
from offhook.core.mac import Mac
from offhook.core.model import (
    Again,
    Attempt,
    Change,
    Device,
    Extension,
    LiveCall,
    Reboot,
    Registration,
    Settings,
    SettingScope,
    Sighting,
    SipRecord,
    UnknownPhone,
)
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from offhook.sip.bindings import Binding

Clock = Callable[[], datetime]
"""The aware UTC moment now."""

Publish = Callable[[Event], None]
"""Hand an event to whoever listens; never raises."""


# --- SIP -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOrder:
    """One NOTIFY to one registration. `username`/`secret` answer a phone's 401 or 407.

    `call_id`, when given, is its Call-ID: by that an engine that outlives us knows it again.
    `is_ours` is asked last before the bytes leave; False sends nothing.
    """

    registration: Registration
    notify: Notify
    username: str = ""
    secret: Secret = field(default_factory=lambda: Secret(""))
    timeout_s: float = 8.0
    call_id: str = ""
    is_ours: Callable[[], bool] = lambda: True


class NotifyKind(StrEnum):
    """accepted 2xx; refused another final answer; challenged: credentials missing or not accepted;
    unanswered: no final answer in time; failed: could not be sent."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    CHALLENGED = "challenged"
    UNANSWERED = "unanswered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOutcome:
    """The fate of a NOTIFY; `was_challenged` also when the second try was accepted."""

    kind: NotifyKind
    code: int = 0
    reason: str = ""
    rtt_ms: float = 0.0
    was_challenged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePart:
    """Something outside this process that an engine needs; `problem` says why it is not up."""

    name: str
    is_up: bool
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """What an engine says of itself; `listening` like `udp:0.0.0.0:5060`."""

    is_up: bool
    listening: tuple[str, ...]
    counters: Mapping[str, int]
    parts: tuple[EnginePart, ...] = ()


class SipEngine(Protocol):
    """Registrar and notifier. Events go to the `Publish` given to its constructor."""

    async def start(self) -> None:
        """Bind the sockets and restore the bindings. Raises OSError when a port is taken."""
        ...

    async def stop(self) -> None:
        """Stop; idempotent; bindings are saved."""
        ...

    def health(self) -> EngineHealth:
        """Give sockets and counters."""
        ...

    def registrations(self, extension: str | None = None) -> tuple[Registration, ...]:
        """The live bindings now, of one extension or of all."""
        ...

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls that ring or are talked on now."""
        ...

    async def notify(self, order: NotifyOrder, on_sent: Callable[[], None]) -> NotifyOutcome:
        """Send a NOTIFY as a client transaction; `on_sent` is called when its bytes have left."""
        ...

    async def has_left(self, call_id: str) -> bool | None:
        """Whether a NOTIFY with this Call-ID was sent in the last hour; None when nobody knows."""
        ...

    async def remove(self, extension: str) -> int:
        """Drop all bindings of an extension; gives how many."""
        ...


CredentialSource = Callable[[str], Secret | None]
"""Extension number to its SIP secret; None for an unknown extension."""


class RegistrationStore(Protocol):
    """Where the embedded engine keeps its bindings over a restart."""

    async def load_bindings(self) -> list[Binding]:
        """All bindings saved, those of an extension in their order."""
        ...

    async def save_bindings(self, extensions: Mapping[str, Sequence[Binding]]) -> None:
        """Replace the bindings of the given extensions, in one transaction."""
        ...


# --- store -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PutExtension:
    """Insert or replace an extension by number."""

    extension: Extension


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteExtension:
    """Remove an extension."""

    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutDevice:
    """Insert or replace a device with its lines and settings by MAC."""

    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDevice:
    """Remove a device with its lines, settings, sighting and uploads."""

    mac: Mac


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSettings:
    """Replace the free settings of a site, vendor or model scope; empty removes them."""

    scope: SettingScope
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PutLink:
    """Insert or replace the link of a directory person by source and guid."""

    link: Link


Write = PutExtension | DeleteExtension | PutDevice | DeleteDevice | PutSettings | PutLink


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryImage:
    """All that phones' files are made from."""

    extensions: Sequence[Extension]
    devices: Sequence[Device]
    settings: Mapping[SettingScope, Settings]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenImage:
    """What was seen of phones, ours and strangers."""

    sightings: Sequence[Sighting]
    unknown: Sequence[UnknownPhone]


class InventoryStore(Protocol):
    """Durable inventory. What `commit` returned from survives `kill -9`."""

    async def load(self) -> InventoryImage:
        """The inventory. Revealing a secret that cannot be decrypted raises StoreError."""
        ...

    async def load_seen(self) -> SeenImage:
        """What was last seen of every phone."""
        ...

    def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> Awaitable[object]:
        """Apply all writes and change rows in one transaction, or none. Raises StoreError."""
        ...

    async def list_changes(
        self, limit: int, offset: int = 0, subject: str = "", before: datetime | None = None
    ) -> list[Change]:
        """Newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptQuery:
    """Which attempts: `mac` normalised, `is_success` None for both, `before` a moment."""

    limit: int = 20
    offset: int = 0
    mac: Mac | None = None
    is_success: bool | None = None
    before: datetime | None = None


class Journal(Protocol):
    """The history of attempts, written in batches at most 100 ms after `record`."""

    @property
    def waiting(self) -> int:
        """How many records are not written yet."""
        ...

    @property
    def dropped(self) -> int:
        """How many records were lost since start."""
        ...

    def record(self, attempt: Attempt) -> None:
        """Queue an attempt; never blocks, never raises."""
        ...

    def record_again(self, again: Again) -> None:
        """Queue an attempt that equals another but for what is its own; never blocks or raises."""
        ...

    def record_sip(self, record: SipRecord) -> None:
        """Queue what a phone did over SIP; never blocks, never raises."""
        ...

    def note_sighting(self, sighting: Sighting) -> None:
        """Queue the newest sighting of a device."""
        ...

    def note_unknown(self, phone: UnknownPhone) -> None:
        """Queue the newest state of an unknown phone."""
        ...

    def forget_unknown(self, mac: Mac) -> None:
        """Queue the removal of an unknown phone."""
        ...

    async def attempts(self, query: AttemptQuery) -> tuple[int, list[Attempt]]:
        """Total that match, and the asked page newest first; includes what is still queued."""
        ...

    async def sip_records(
        self, mac: Mac, numbers: Collection[str], *, limit: int, before: datetime | None = None
    ) -> list[SipRecord]:
        """What a phone did, newest first: by its MAC, and by its extensions where no MAC is known.

        Includes what is still queued.
        """
        ...

    async def counts(self) -> Mapping[str, int]:
        """`total`, `successful`, `failed` of the attempts kept; tests by people do not count."""
        ...


class RebootStore(Protocol):
    """Reboot records. Of several nodes only the one that leads may replace any."""

    async def put_reboots(self, records: Sequence[Reboot]) -> None:
        """Insert or replace by id; a node that does not lead only adds."""
        ...

    async def claim_reboot(self, reboot: Reboot, at: datetime) -> bool:
        """Take an order to send it, durably; False when another node did, or leads now."""
        ...

    async def force_reboots(self, ids: Collection[str]) -> None:
        """Tell the node that leads which orders need not wait for the end of a call."""
        ...

    async def open_reboots(self, limit: int) -> list[Reboot]:
        """The newest records that may still move on, oldest first."""
        ...

    async def get_reboot(self, reboot_id: str) -> Reboot | None:
        """One record."""
        ...

    async def list_reboots(
        self,
        limit: int,
        mac: Mac | None = None,
        extension: str = "",
        before: datetime | None = None,
    ) -> list[Reboot]:
        """Newest first."""
        ...


class UploadStore(Protocol):
    """Files that phones PUT: bounded in size and number; the oldest of a device goes first."""

    async def put_upload(self, mac: Mac, file: str, body: bytes, at: datetime) -> bool:
        """Keep; False when it is larger than allowed."""
        ...

    async def get_upload(self, mac: Mac, file: str) -> bytes | None:
        """Give back, or None."""
        ...

    async def list_uploads(self, mac: Mac) -> list[tuple[str, int, datetime]]:
        """Name, size in bytes, moment; newest first."""
        ...

    async def names_of(self, macs: Collection[Mac]) -> list[tuple[Mac, str, datetime]]:
        """MAC, name and moment of the files of some devices; of any number of devices."""
        ...
