"""The nouns: what the store keeps, the core decides on and every edge tells of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import NamedTuple
from weakref import WeakValueDictionary

from offhook.core.mac import Mac
from offhook.core.secret import Secret
from offhook.values import light

Settings = Mapping[str, str]
"""Free settings: a neutral name of `preferences`, or a maker's own key, to its text."""


@light(frozen=True, slots=True, kw_only=True)
class Extension:
    """A number that can be called: number, display name, SIP secret. Not a phone.

    `source` is `manual` or the directory that keeps it. A disabled one cannot register, and its
    line is off on its phones; number and secret are kept.
    """

    number: str
    name: str
    secret: Secret
    email: str = ""
    source: str = "manual"
    is_enabled: bool = True
    created_at: datetime


@light(frozen=True, slots=True, kw_only=True)
class Line:
    """The n-th account of a device (from 1) and its extension; an empty label means its name."""

    index: int
    extension: str
    label: str = ""


@light(frozen=True, slots=True, kw_only=True)
class Device:
    """One telephone: MAC, vendor, model (both as the profile spells them) and its lines."""

    mac: Mac
    vendor: str
    model: str
    lines: tuple[Line, ...]
    admin_password: Secret
    settings: Settings = field(default_factory=dict, repr=False)  # may hold a maker's passwords
    created_at: datetime
    updated_at: datetime

    @property
    def extension(self) -> str:
        """The number of the first line: what the guide calls the device's extension."""
        return self.lines[0].extension


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRequest:
    """What a phone asked, before anybody knows who it is.

    `path` is percent-decoded and starts after the provisioning prefix: `$mac.cfg/001565123456.cfg`.
    `host` is the server's name as the phone wrote it, without port. Of credentials nothing is kept
    but that there were any.
    """

    request_id: str
    transport: str
    method: str
    path: str
    query: str
    address: str
    user_agent: str
    at: datetime
    is_test: bool = False
    host: str = ""
    has_credentials: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        """The path in pieces, empty ones dropped."""
        return tuple(piece for piece in self.path.split("/") if piece)


class OutcomeKind(StrEnum):
    """How a request ended."""

    SERVED = "served"
    UNCHANGED = "unchanged"
    STORED = "stored"
    OPTIONAL = "optional"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One phone request with its outcome: the one record log, table, API and page tell from.

    `request_id`, `at` and `address` are its own; all else is alike in every equal request. `fault`
    is the code of the refusal; `notices` are faults reported although the file was served.
    `mac_text` is the MAC as the phone wrote it; `digest` is the SHA-256 of the body in hex.
    """

    request_id: str
    at: datetime
    transport: str
    method: str
    path: str
    address: str
    user_agent: str
    mac_text: str
    mac: Mac | None
    file: str
    kind: OutcomeKind
    status: int
    fault: str = ""
    error: str = ""
    hint: str = ""
    notices: tuple[str, ...] = ()
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    extension: str = ""
    extension_name: str = ""
    size_bytes: int = 0
    digest: str = ""
    content_type: str = ""
    is_device_file: bool = False
    is_test: bool = False

    # Kept once found: an attempt stands for all equal ones that follow (`Again`).
    @cached_property
    def is_success(self) -> bool:
        """True unless the phone was refused; an optional file that we lack is no failure."""
        return self.kind is not OutcomeKind.REFUSED

    @cached_property
    def is_from_phone(self) -> bool:
        """True unless a person tried it: our own test, or a curl or browser by its User-Agent."""
        return not self.is_test and not _is_person(self.user_agent)

    @cached_property
    def is_delivery(self) -> bool:
        """True when the phone itself has the file now."""
        return (
            self.kind in (OutcomeKind.SERVED, OutcomeKind.UNCHANGED)
            and self.method == "GET"
            and self.is_from_phone
        )

    @cached_property
    def mac_plain(self) -> str:
        """The MAC as twelve digits; empty without one."""
        return "" if self.mac is None else self.mac.plain

    @cached_property
    def shape(self) -> Shape:
        """What is alike in every equal request: the very same object for all that are at hand."""
        shape = Shape(_shared(self))
        return _shapes.setdefault(shape, shape)


class Shape:
    """All of an attempt but what is its own, as a key: it is looked up for every request."""

    __slots__ = ("__weakref__", "_hash", "values")

    def __init__(self, values: tuple[object, ...]) -> None:
        self.values = values
        self._hash = hash(values)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and self.values == other.values


_shapes: WeakValueDictionary[Shape, Shape] = WeakValueDictionary()
_OWN = ("request_id", "at", "address")
_shared = attrgetter(*(item.name for item in fields(Attempt) if item.name not in _OWN))


class Again(NamedTuple):
    """A request equal to one that was answered before, and answered alike: `first` tells how."""

    first: Attempt
    request_id: str
    at: datetime
    address: str

    def attempt(self) -> Attempt:
        """Give its record."""
        return replace(self.first, request_id=self.request_id, at=self.at, address=self.address)


_PERSON = re.compile(
    r"(?:curl|wget|httpie|python|go-http|powershell"
    r"|mozilla/5\.0 \((?:windows|x11|macintosh|linux))",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def _is_person(user_agent: str) -> bool:
    return _PERSON.match(user_agent) is not None


@light(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was last seen of a registered device over HTTP."""

    mac: Mac
    address: str = ""
    user_agent: str = ""
    firmware: str = ""
    last_contact: datetime | None = None
    last_provisioned: datetime | None = None
    delivered: Mapping[str, str] = field(default_factory=dict)
    """File name to the SHA-256 of the bytes last delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPhone:
    """A phone that asked and is not registered."""

    mac: Mac
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    address: str = ""
    user_agent: str = ""
    first_seen: datetime
    last_seen: datetime
    count: int = 1


@light(frozen=True, slots=True, kw_only=True)
class Registration:
    """A live SIP binding of an extension, as the engine knows it (RFC 3261 §10).

    `source` is `udp:192.0.2.5:5060` or `tcp:…`: where the request came from and answers go.
    """

    extension: str
    contact: str
    source: str
    call_id: str
    cseq: int
    user_agent: str = ""
    mac: Mac | None = None
    path: tuple[str, ...] = ()
    instance: str = ""
    q: float = 1.0
    registered_at: datetime
    refreshed_at: datetime
    expires_at: datetime

    @property
    def address(self) -> str:
        """The IP address the phone registers from."""
        return self.source.split(":", 1)[1].rpartition(":")[0].strip("[]")


class RegisterOutcome(StrEnum):
    """How a REGISTER ended.

    `challenged`: it had no credentials for us; `stale`: they are of an old, used or foreign nonce;
    `other_uri`: they are for another Request-URI; `refused`: any other answer.
    """

    REGISTERED = "registered"
    REMOVED = "removed"
    CHALLENGED = "challenged"
    STALE = "stale"
    WRONG_DIGEST = "wrong_digest"
    UNKNOWN_USER = "unknown_user"
    WRONG_USER = "wrong_user"
    BARRED = "barred"
    OTHER_URI = "other_uri"
    REFUSED = "refused"


@light(frozen=True, slots=True, kw_only=True)
class RegisterNote:
    """What one REGISTER told, and how it ended; its texts are escaped and at most 64 characters.

    `extension` and `domain` are of To; `claimed`, `realm` and `digest_uri` of the credentials, None
    and empty without any; of accepted ones only `claimed` is kept. `via` is the topmost sent-by. A
    port that is not written is None, a contact not named an empty host; lifetimes are in seconds.
    """

    extension: str
    domain: str
    claimed: str | None
    realm: str
    digest_uri: str
    uri: str
    source: str
    via_host: str
    via_port: int | None
    has_rport: bool
    contact_host: str
    contact_port: int | None
    has_path: bool
    call_id: str
    user_agent: str
    mac: Mac | None
    asked_s: int | None
    granted_s: int | None
    status: int
    outcome: RegisterOutcome
    at: datetime

    @property
    def transport(self) -> str:
        """The transport it came by: udp, tcp or tls."""
        return self.source.partition(":")[0]

    @property
    def host(self) -> str:
        """The address it came from."""
        return self.source.partition(":")[2].rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port it came from."""
        return int(self.source.rpartition(":")[2])


class RebootStep(StrEnum):
    """How far a reboot got. `notified` is sent; `answered` is a 2xx; only `fetched` proves it."""

    PENDING = "pending"
    NOTIFIED = "notified"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    REFUSED = "refused"
    CHALLENGED = "challenged"
    FAILED = "failed"
    FETCHED = "fetched"
    NOT_FETCHED = "not_fetched"
    REGISTERED = "registered"


FINAL_STEPS = frozenset(
    {
        RebootStep.UNANSWERED,
        RebootStep.REFUSED,
        RebootStep.CHALLENGED,
        RebootStep.FAILED,
        RebootStep.NOT_FETCHED,
        RebootStep.REGISTERED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    """Asked -> notified (SIP answer) -> fetched (an Attempt) -> registered again, with times.

    `mac` is None for a registered phone that is not in the inventory. `steps` maps each step
    reached to its moment; `sip_code` 0 means no answer yet; `was_challenged` that digest was asked.
    Of several nodes `sent_by` is the one that took it to send, at `claimed_at`, for the `tries`-th
    time; a forced one does not wait for the end of a call.
    """

    id: str
    mac: Mac | None
    extension: str
    contact: str
    vendor: str
    event: str
    reason: str
    asked_by: str
    asked_at: datetime
    step: RebootStep
    steps: Mapping[RebootStep, datetime] = field(default_factory=dict)
    sip_code: int = 0
    sip_reason: str = ""
    was_challenged: bool = False
    fault: str = ""
    detail: str = ""
    sent_by: str = ""
    claimed_at: datetime | None = None
    tries: int = 0
    is_forced: bool = False


@light(frozen=True, slots=True, kw_only=True)
class SipRecord:
    """What a phone did over SIP, kept for its timeline; usual refreshes are not.

    `kind`: registered, restarted (a new Call-ID), removed, expired, call_failed, or how a REGISTER
    was refused (`RegisterOutcome`). `mac` is None when the phone could not be told. `status` is the
    SIP status, 0 without an answer. Texts of phones are escaped.
    """

    at: datetime
    mac: Mac | None
    extension: str
    kind: str
    source: str
    user_agent: str = ""
    status: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a person or a sync altered: one row, written in the same transaction."""

    at: datetime
    actor: str
    noun: str
    subject: str
    action: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A named API key; only its SHA-256 is kept."""

    name: str
    digest: str
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingScope:
    """Where free settings apply: site, vendor (`yealink`) or model (`yealink/t46s`)."""

    level: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """A call between two extensions; `state` is ringing or talking, `since` when it began.

    `caller_at` and `callee_at` are where their phones are, as in `Registration.source`; empty
    where nobody knows, as long as several phones of the callee ring.
    """

    caller: str
    callee: str
    state: str
    since: datetime
    caller_at: str = ""
    callee_at: str = ""
