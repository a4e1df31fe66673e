"""What a phone asks for and what it reads: its names, its User-Agents, and the account it finds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from offhook.core.dialect import DialectError
from offhook.core.mac import Mac
from offhook.core.secret import Secret
from offhook.core.vendor import FileKind, FileRule, Model, SampleLine, VendorProfile, first_code
from offhook.simulator.reading import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The first account as the phone read it from its files."""

    number: str
    auth_name: str
    secret: Secret
    server: str
    port: int
    display_name: str
    label: str


@dataclass(slots=True)
class _Kept:
    """A file the phone holds, so that it can ask whether it changed."""

    etag: str
    values: dict[str, str]


@dataclass(slots=True, kw_only=True)
class PhoneFiles:
    """The files of one phone. `only` limits the values that are kept to some keys, None keeps all.

    Phones that share a `reader` read what is alike in their files once.
    `config` is what all files together say, the device's own winning over common ones.
    """

    profile: VendorProfile
    model: Model
    mac: Mac
    only: Collection[str] | None = None
    reader: Reader = field(default_factory=Reader)
    config: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, _Kept] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names it asks for, in its maker's order."""
        return tuple(self.filled(name) for name in self.profile.behaviour.files)

    @property
    def values(self) -> dict[str, dict[str, str]]:
        """What was read from each file, by its name."""
        return {name: dict(kept.values) for name, kept in self._kept.items()}

    def filled(self, text: str) -> str:
        """Fill the holes of a file name or User-Agent of the maker's behaviour."""
        return (
            text.replace("{mac}", self.mac.plain)
            .replace("{MAC}", self.mac.plain.upper())
            .replace("{mac_colons}", self.mac.colons.lower())
            .replace("{code}", first_code(self.model))
            .replace("{label}", self.model.label)
        )

    def etag(self, file: str) -> str:
        """The tag of a file that it holds, empty when it holds none."""
        kept = self._kept.get(file)
        return kept.etag if kept else ""

    def take(self, file: str, etag: str, body: bytes) -> str:
        """Take over a file's values; gives why the phone rejects it, or nothing."""
        rule = self._rule(file)
        if rule is None or rule.dialect is None:
            return ""
        try:
            values = self.reader.read(rule, body)
        except UnicodeDecodeError:
            return "the file is not UTF-8 text"
        except DialectError as error:
            return f"the phone rejects the file: {error}"
        if self.only is not None:
            values = {key: values[key] for key in self.only if key in values}
        self._kept[file] = _Kept(etag=etag, values=values)
        return ""

    def account(self) -> Account | None:
        """Lay the device's own values over the common ones, and read the account from them."""
        kinds = {name: self._kind(name) for name in self._kept}
        self.config = {}
        for wanted in (FileKind.COMMON, FileKind.DEVICE):
            for name, kept in self._kept.items():
                if kinds[name] is wanted:
                    self.config.update(kept.values)
        return read_account(self.profile.behaviour.account, self.config)

    def _kind(self, file: str) -> FileKind | None:
        rule = self._rule(file)
        return rule.kind if rule else None

    def _rule(self, file: str) -> FileRule | None:
        for rule in self.profile.rules_for(self.model):
            if rule.pattern.fullmatch(file):
                return rule
        return None


def read_account(keys: SampleLine, values: dict[str, str]) -> Account | None:
    """Find the first account in parsed values; None when number, secret or server is missing."""
    number, secret = values.get(keys.number, ""), values.get(keys.secret, "")
    server, port = values.get(keys.server, ""), values.get(keys.port, "") if keys.port else ""
    if not keys.port:
        server, port = _split_port(server)
    if not (number and secret and server):
        return None
    return Account(
        number=number,
        auth_name=values.get(keys.auth_name, "") or number,
        secret=Secret(secret),
        server=server,
        port=int(port) if port.isascii() and port.isdigit() else 5060,
        display_name=values.get(keys.display_name, ""),
        label=values.get(keys.label, ""),
    )


def _split_port(text: str) -> tuple[str, str]:
    """Split `host:port`; an IPv6 address stands in brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    return host, port
