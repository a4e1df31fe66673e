"""The frozen picture that rules look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from offhook.core.directory import PersonProblem
from offhook.core.events import CallFailed, RegistrationRefused, SubscriptionLost
from offhook.core.lint import LintProblem
from offhook.core.mac import Mac
from offhook.core.model import (
    Attempt,
    Device,
    Extension,
    Reboot,
    RegisterNote,
    Registration,
    Sighting,
    UnknownPhone,
)
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.probe_facts import ProbeFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """A setting that cannot be used: the fault's code, the key's path, what is wrong."""

    code: str
    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """The settings that matter to rules. `base` is the directory URL printed for phones.

    `https_port` and `tls_port` (of SIP) are 0 without TLS; `transport` is what all phones are told
    in `phones`.
    """

    is_provisioning_enabled: bool = True
    external_ip: str = "192.0.2.1"
    url_format: str = "http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg"
    http_port: int = 8080
    https_port: int = 0
    sip_port: int = 5060
    tls_port: int = 0
    transport: str = "udp"
    realm: str = "offhook"
    base: str = "http://192.0.2.1:8080/provision/"
    problems: tuple[ConfigProblem, ...] = ()
    allowed_networks: tuple[str, ...] = ("private",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderFault:
    """Why a device's files cannot be made: P701, P702, P704 or P705 and the message."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRun:
    """A synchronisation as kept: `fault` is its P5xx code or empty, `values` fill its texts.

    `error` is its message as told then. `status`: ok, unchanged, partial, refused, failed, dry_run.
    """

    at: datetime
    status: str
    fault: str = ""
    error: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFacts:
    """What is known of the directory that extensions come from.

    `source` is what its extensions have as source; `runs` are newest first; `problems` those of the
    last complete read; `renamed` maps an extension to when a run last changed its name or number.
    """

    source: str
    server: str = ""
    runs: tuple[DirectoryRun, ...] = ()
    certificate_ends: datetime | None = None
    problems: tuple[PersonProblem, ...] = ()
    renamed: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAccount:
    """What a device's file says of its accounts: the transport, and what free settings change.

    `server` and `port` are those of a free setting, whose key is `port_key`; empty without one.
    `notify_value` is that of a free setting for the maker's `notify_switch`.
    """

    transport: str = "udp"
    server: str = ""
    port: int | None = None
    port_key: str = ""
    notify_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOverride:
    """A setting that a phone holds otherwise than its file says, by the file it uploaded.

    Values of secret keys are masked.
    """

    file: str
    at: datetime
    key: str
    ours: str
    phones: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsWiped:
    """A phone removed the registrations of other phones of its extension.

    `note` is its REGISTER; `victims` are those of the others that did not come back since.
    """

    note: RegisterNote
    victims: tuple[Registration, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SipFacts:
    """What was heard over SIP since the start, bounded; notes and failed calls newest first.

    `secrets_changed` maps an extension to when its secret last changed. `accounts` are those of
    devices whose files can be made. `lost_watches` are busy lamps that did not come back.
    """

    notes: tuple[RegisterNote, ...] = ()
    failed_calls: tuple[CallFailed, ...] = ()
    secrets_changed: Mapping[str, datetime] = field(default_factory=dict)
    accounts: Mapping[Mac, ServedAccount] = field(default_factory=dict)
    wiped: tuple[ContactsWiped, ...] = ()
    lost_watches: tuple[SubscriptionLost, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything known at one moment, of the whole fleet or of one phone.

    `expected` maps a device to its files' digests now; compare `sightings[mac].delivered`.
    `attempts` are recent ones, newest first. `reboots` holds the newest of each device.
    `registrations` are by extension; `device_registrations` those that belong to a device.
    `directory` is None where none is set up. `template_problem` is why the site's templates as they
    are now are not in use; the former ones are. `engine_problems` maps what the SIP engine needs
    outside this process, and lacks, to why. `lint` are mistakes in files that can be made, by
    device. With `is_preview` all this is as it would be after a change, nothing was sent yet.
    """

    now: datetime
    config: ConfigFacts = ConfigFacts()
    profiles: Mapping[str, VendorProfile] = field(default_factory=dict)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    devices: Mapping[Mac, Device] = field(default_factory=dict)
    sightings: Mapping[Mac, Sighting] = field(default_factory=dict)
    expected: Mapping[Mac, Mapping[str, str]] = field(default_factory=dict)
    render_faults: Mapping[Mac, RenderFault] = field(default_factory=dict)
    registrations: Mapping[str, tuple[Registration, ...]] = field(default_factory=dict)
    device_registrations: Mapping[Mac, tuple[Registration, ...]] = field(default_factory=dict)
    refused_registers: tuple[RegistrationRefused, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    reboots: Mapping[Mac, Reboot] = field(default_factory=dict)
    unknown: tuple[UnknownPhone, ...] = ()
    directory: DirectoryFacts | None = None
    template_problem: str = ""
    engine_problems: Mapping[str, str] = field(default_factory=dict)
    sip: SipFacts = SipFacts()
    overrides: Mapping[Mac, tuple[LocalOverride, ...]] = field(default_factory=dict)
    lint: Mapping[Mac, tuple[LintProblem, ...]] = field(default_factory=dict)
    is_preview: bool = False
    probes: ProbeFacts = field(default_factory=ProbeFacts)
