"""A maker as data: what its phones ask, say and accept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from offhook.core.dialect import Dialect
from offhook.core.maker_keys import MakerKeys

UNTRIED = "rendered from documentation, not tried on hardware"


class FileKind(StrEnum):
    """What a file is to its phone. Only `device` files may hold secrets."""

    DEVICE = "device"
    """Belongs to one device; needs its MAC."""
    COMMON = "common"
    """The same for every phone of a model (or maker); served without knowing the device."""
    OPTIONAL = "optional"
    """A maker's probe that we do not serve: a plain 404, never an alarm."""
    UPLOAD = "upload"
    """The phone PUTs it (logs, local overrides); GET gives back what was stored, else 404."""
    FOREIGN = "foreign"
    """Asked by other firmware of the maker, which this profile does not configure: refused."""
    SIGNED = "signed"
    """Asked only by a phone that trusts nothing but another system's signature: refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRule:
    """One file name a maker's phones ask for.

    `pattern` matches the whole last path segment, case-insensitively; a group `mac` gives the MAC,
    a group `model` the model's code (looked up in `Model.codes`). `name` is the canonical form with
    `{mac}`, `{MAC}` and `{code}`; it lists what a device is expected to fetch. `template` is a file
    of the maker's templates folder, `{family}` replaced by the model's family. `families` limits
    the rule to those; empty means all. `is_expected` is False for spellings that we serve although
    no phone asks for them by itself (the guide's `/provision/<mac>.cfg`). `overrides` is the syntax
    of an upload that holds what a person changed on the phone, which wins over our files there.
    `is_trust_list` marks lists of whose signatures the phone accepts.
    """

    name: str
    pattern: re.Pattern[str]
    kind: FileKind
    template: str = ""
    dialect: Dialect | None = None
    overrides: Dialect | None = None
    families: frozenset[str] = frozenset()
    is_expected: bool = True
    is_trust_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model: `name` is what the API takes (lower case, no separators), `label` what is printed.

    `codes` are the model's names in file names and User-Agents after `fold()`; the name and folded
    label always count. `lines` is the number of SIP accounts. `secret_max` is the longest SIP
    password it keeps. `facts` are extra variables for templates. `tried` names the firmware on
    which somebody tried it; empty means UNTRIED.
    """

    name: str
    label: str
    family: str
    lines: int
    line_keys: int = 0
    secret_max: int = 32
    codes: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    tried: str = ""

    @property
    def support(self) -> str:
        """How far this model was proven, in words."""
        return f"tried on hardware, firmware {self.tried}" if self.tried else UNTRIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """A NOTIFY order: Event header value, and body with its type where the maker wants one."""

    event: str
    content_type: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySwitch:
    """A phone's setting that makes it answer an order to fetch again, and ignore it.

    `key` is its name in the maker's files, `ignores` the value that does it.
    """

    key: str
    ignores: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What a User-Agent said."""

    model_text: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLine:
    """Where a simulated phone finds its first account in a parsed file: the maker's keys.

    `server` may hold `host:port`; then `port` is empty.
    """

    number: str
    display_name: str
    label: str
    auth_name: str
    secret: str
    server: str
    port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneBehaviour:
    """How this maker's phones act: enough to simulate one.

    `files` are names in the order asked, with `{mac}`, `{MAC}`, `{code}`; `agent` and `sip_agent`
    are User-Agents with `{label}`, `{mac}`, `{MAC}`, `{mac_colons}`. `mac_header` is the SIP header
    that names the MAC in REGISTER, empty when none does. `challenges_notify` answers NOTIFY with
    401 first. `stops_at_first` is True when the phone stops asking at the first file it gets.
    `keeps_connection` are the families seen to ask for all files on one HTTP connection.
    """

    files: tuple[str, ...]
    agent: str
    sip_agent: str
    account: SampleLine
    mac_header: str = ""
    challenges_notify: bool = False
    stops_at_first: bool = False
    keeps_connection: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorProfile:
    """Everything Offhook knows of a maker.

    `agents` match an HTTP or SIP User-Agent (groups `model`, `firmware`, optional `mac`), tried in
    order. `placeholder` is the MAC variable the guide prints for the maker (`$mac`, `$MA`);
    `url_form` is the safer URL we advise as well, with `{base}` for `http://host:port/provision/`.
    `menu` are numbered steps to set the URL on the phone, with `{url}`. `reboot` restarts the
    phone, `resync` makes it fetch again with the least disturbance. `main` is the canonical name of
    the file that carries the account. `dhcp` are the options its phones ask for the URL, in order.
    By `ouis`, six-digit blocks of addresses, an unknown phone's maker is guessed. `keys` is what is
    known of the maker's own settings. `images` are the endings of its firmware files. `tftp_only`
    finds, in a model's name or a User-Agent, the models whose firmware cannot ask by HTTP.
    `notify_switch` lets phones ignore NOTIFY; `compares_files` says that they do nothing for a file
    that they have; `override_menu` are steps that clear what a person changed on the phone,
    `unregister_menu` is where it is told not to sign off all phones of its extension.
    `trust_menu` are steps to erase another system's trust list; `tls_since` names for a family of
    models the first firmware that speaks TLS 1.2.
    """

    name: str
    label: str
    ouis: frozenset[str]
    agents: tuple[re.Pattern[str], ...]
    files: tuple[FileRule, ...]
    models: tuple[Model, ...]
    main: str
    reboot: Notify
    resync: Notify
    placeholder: str
    url_form: str
    menu: tuple[str, ...]
    dhcp: tuple[str, ...]
    behaviour: PhoneBehaviour
    keys: MakerKeys = field(default_factory=MakerKeys)
    status_menu: str = ""
    notify_switch: NotifySwitch | None = None
    compares_files: bool = False
    override_menu: tuple[str, ...] = ()
    unregister_menu: str = ""
    notes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    tftp_only: re.Pattern[str] | None = None
    trust_menu: tuple[str, ...] = ()
    tls_since: Mapping[str, str] = field(default_factory=dict)
    _by_code: Mapping[str, Model] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Looked up several times for every request; the first model of a spelling has it.
        by_code = {code: model for model in reversed(self.models) for code in model_codes(model)}
        object.__setattr__(self, "_by_code", by_code)

    def model(self, name: str) -> Model | None:
        """Find a model by any of its spellings: `T46S`, `sip-t46s`, `SIP-T46S`."""
        return self._by_code.get(name) or self._by_code.get(fold(name))

    def read_agent(self, user_agent: str) -> Agent | None:
        """Read model and firmware from a User-Agent of this maker; None when it is not one."""
        for pattern in self.agents:
            found = pattern.search(user_agent)
            if found:
                groups = found.groupdict()
                return Agent(
                    model_text=groups.get("model") or "", firmware=groups.get("firmware") or ""
                )
        return None

    def rules_for(self, model: Model) -> tuple[FileRule, ...]:
        """The file rules that concern a model, in order."""
        return tuple(
            rule for rule in self.files if not rule.families or model.family in rule.families
        )


_BETWEEN = re.compile(r"[\s\-_/.]")


def fold(text: str) -> str:
    """Fold a model's spelling: lower case, no blanks, dashes, underscores, slashes, dots."""
    return _BETWEEN.sub("", text).lower()


def model_codes(model: Model) -> frozenset[str]:
    """All folded spellings of a model."""
    return frozenset({model.name, fold(model.label), *(fold(code) for code in model.codes)})


def first_code(model: Model) -> str:
    """The spelling used in the model's common file name; the model's name when it has no codes."""
    return model.codes[0] if model.codes else model.name
