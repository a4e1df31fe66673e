"""What happened, for programs: published after it is certain, and unable to fail the publisher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from offhook.core.mac import Mac
from offhook.core.model import Again, Attempt, Change, Reboot, RegisterNote, Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecorded:
    """A phone asked for a file and was answered."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsRepeated:
    """Phones fetched what they had fetched before: as many AttemptRecorded, gathered.

    Each is the delivery of a device's own file without a fault or notice, not a person's test.
    """

    repeats: tuple[Again, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRegistered:
    """A binding was made or refreshed.

    `is_new`: the first of its contact; `was_rebooted`: a new Call-ID.
    """

    registration: Registration
    is_new: bool
    was_rebooted: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneUnregistered:
    """A binding ended: `removed` by the phone or a person, or `expired`."""

    registration: Registration
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRefused:
    """A REGISTER failed for good. `reason`: wrong_digest, unknown_user, wrong_user (another's AoR).

    `claimed` is the user the phone named, escaped for logs, at most 64 characters.
    """

    extension: str
    claimed: str
    source: str
    user_agent: str
    mac: Mac | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterHeard:
    """A REGISTER was answered and told something: all but a phone's usual first one without digest.

    Not told: retransmissions, and a REGISTER that was asked for credentials as any first one is.
    """

    note: RegisterNote


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed:
    """A phone refused a call for what it offers (415, 488, 606), or did not react to it at all.

    `status` 0: not even a provisional answer came, or the connection was refused or closed;
    `reason` says which. `contact` and `source` are of the registration that was called. Texts of
    phones are escaped and at most 64 characters.
    """

    caller: str
    callee: str
    contact: str
    source: str
    status: int
    reason: str
    caller_agent: str
    callee_agent: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionLost:
    """A phone's busy lamp for an extension went dark without the phone saying so.

    It did not refresh in time, or did not take a NOTIFY. `watcher` is its extension, `host` its
    address, `refreshed_at` when it last subscribed.
    """

    watcher: str
    target: str
    host: str
    reason: str
    refreshed_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRegained:
    """A phone subscribed again to what it had lost."""

    watcher: str
    target: str
    host: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeFailed:
    """A TLS handshake on the SIP or HTTPS port failed; told at most once a minute for an address.

    `transport` is tls or https.
    """

    address: str
    reason: str
    at: datetime
    transport: str = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootAdvanced:
    """A reboot reached its next step."""

    reboot: Reboot


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A person or a sync altered something."""

    change: Change


Event = (
    AttemptRecorded
    | AttemptsRepeated
    | PhoneRegistered
    | PhoneUnregistered
    | RegistrationRefused
    | RegisterHeard
    | CallFailed
    | SubscriptionLost
    | SubscriptionRegained
    | HandshakeFailed
    | RebootAdvanced
    | Changed
)
