"""Typed settings: `config.yml`, then `OFFHOOK_SECTION__KEY`; problems become findings."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from offhook.core.preferences import (
    PARSERS,
    PreferenceError,
    Preferences,
    merged,
    parse_preference,
)
from offhook.diagnosis.facts import ConfigProblem
from offhook.directory_settings import IntegrationSettings, Section
from offhook.kamailio_settings import KamailioSettings, absolute_database
from offhook.settings_reading import PROBLEM_SHOWN, lay_environment, read_yaml
from offhook.settings_reading import SettingsError as SettingsError

VALUE_SHOWN = 80
"""Characters of an unusable value that its message repeats."""

# RFC 3261 §25.1: what stands in a quoted-string without a backslash, ASCII only.
_REALM = re.compile(r"[ !#-\[\]-~]+")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!:memory:)(.+)")


class ServerSettings(Section):
    """Addresses and ports."""

    external_ip: str = Field("", description="address written into phone files and URLs")
    bind: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 - a PBX serves its LAN
    http_port: int = Field(8080, ge=0, le=65535, description="HTTP port; 0 takes any free one")
    https_port: int = Field(
        8443, ge=0, le=65535, description="HTTPS port, with a certificate; 0 takes any free one"
    )
    tls_certificate: Path | None = Field(
        None,
        description="certificate of HTTPS, PEM, with its chain; HTTPS is off without one. "
        "A renewed file is taken without a restart",
    )
    tls_key: Path | None = Field(
        None, description="its private key, PEM without a password; default the certificate's file"
    )
    tls_minimum: Literal["1.0", "1.2"] = Field(
        "1.2", description="oldest TLS of HTTPS; 1.0, with its weak ciphers, for phones before 2015"
    )
    sip_port: int = Field(5060, ge=0, le=65535, description="SIP port, UDP and TCP; 0 any free one")

    @field_validator("bind")
    @classmethod
    def _is_address(cls, value: str) -> str:
        ipaddress.ip_address(value)
        return value


class ProvisioningSettings(Section):
    """Who gets files, and where phones find them."""

    enabled: bool = Field(True, description="answer phones at all")
    url_format: str = Field(
        "http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg",
        description="URL of a device's file; {{SERVER_IP}}, {{PORT}} and {mac} are filled in",
    )
    allowed_networks: list[str] = Field(
        ["private"],
        description="networks whose phones are answered: private, any, or CIDR; "
        "this host itself always is",
    )
    unknown_per_minute: int = Field(
        120, ge=1, description="unknown MACs a minute after which an address is throttled"
    )
    templates: Path = Field(Path("templates"), description="folder of the site's own templates")
    on_change: Literal["reboot", "resync"] = Field(
        "reboot", description="what phones are told when their files change"
    )

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for item in value:
            if item not in ("private", "any"):
                ipaddress.ip_network(item)
        return value


class StoreSettings(Section):
    """The database."""

    url: str = Field(
        "sqlite:///data/offhook.db",
        description="sqlite:///file, or postgresql://user:password@host/name, which needs "
        "`pip install 'offhook[postgres]'`",
    )
    key_file: Path | None = Field(None, description="key of secrets; default beside the database")


class SipSettings(Section):
    """The registrar."""

    engine: Literal["embedded", "kamailio"] = Field(
        "embedded", description="SIP engine; kamailio for more phones than one core serves"
    )
    realm: str = Field(
        "offhook", min_length=1, description="digest realm; changing it is seen by phones"
    )
    digest: Literal["md5", "md5-first", "sha256-first"] = Field(
        "md5", description="algorithms offered to phones; some old ones fail on any but md5"
    )
    min_expires_s: int = Field(60, ge=10, le=3600, description="shortest registration granted")
    max_expires_s: int = Field(7200, ge=60, le=86400, description="longest registration granted")
    nonce_lifetime_s: int = Field(300, ge=30, le=3600, description="age at which a nonce is stale")
    max_contacts: int = Field(5, ge=1, le=20, description="phones per extension")
    tls_port: int = Field(5061, ge=0, le=65535, description="port of SIP over TLS; 0 any free one")
    tls_certificate: Path | None = Field(
        None,
        description="certificate of SIP over TLS, PEM, with its chain; TLS is off without one. "
        "Phones use TLS when `phones.transport`, or their own transport, is tls",
    )
    tls_key: Path | None = Field(
        None, description="its private key, PEM without a password; default the certificate's file"
    )
    kamailio: KamailioSettings = KamailioSettings()

    @field_validator("realm")
    @classmethod
    def _is_quotable(cls, value: str) -> str:
        if not _REALM.fullmatch(value):
            raise ValueError("must be printable ASCII without quotes and backslashes")
        return value

    @field_validator("max_expires_s")
    @classmethod
    def _is_not_below_least(cls, value: int, info: ValidationInfo) -> int:
        least = info.data.get("min_expires_s", 0)
        if value < least:
            raise ValueError(f"must be not less than sip.min_expires_s ({least})")
        return value


class RebootSettings(Section):
    """How phones are told to fetch again."""

    per_second: float = Field(20, gt=0, le=1000, description="NOTIFYs a second at most")
    answer_timeout_s: float = Field(8, gt=0, le=32, description="wait for the answer to a NOTIFY")
    fetch_timeout_s: float = Field(
        300, ge=1, allow_inf_nan=False, description="wait for the phone to fetch its file"
    )
    register_timeout_s: float = Field(
        300, ge=1, allow_inf_nan=False, description="wait for it to register after that"
    )


class LoggingSettings(Section):
    """The log file."""

    file: Path = Field(Path("logs/pbx.log"), description="log file, rotated")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severity"
    )
    max_mb: int = Field(10, ge=1, le=1000, description="size at which the file is rotated")
    keep: int = Field(5, ge=1, le=100, description="rotated files kept")


class JournalSettings(Section):
    """The history of phone requests."""

    keep_days: int = Field(30, ge=1, description="days of history kept")
    keep_rows: int = Field(500_000, ge=1000, description="rows of history kept at most")
    keep_changes_days: int = Field(
        730, ge=1, description="days for which the log of changes is kept"
    )


class ApiSettings(Section):
    """Who may call the API without a token."""

    trusted_networks: list[str] = Field(
        ["local"], description="local (this host's own addresses) or CIDR; all else needs a token"
    )
    allowed_hosts: list[str] = Field(
        [], description="further names under which this server is called (Host header)"
    )

    @field_validator("trusted_networks")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for item in value:
            if item != "local":
                ipaddress.ip_network(item)
        return value


class Settings(Section):
    """All settings; paths are absolute after `load_settings`."""

    server: ServerSettings = ServerSettings()
    provisioning: ProvisioningSettings = ProvisioningSettings()
    phones: dict[str, str] = Field(
        {}, description="neutral settings of all phones: time_zone, ntp_server, codecs, …"
    )
    store: StoreSettings = StoreSettings()
    sip: SipSettings = SipSettings()
    reboot: RebootSettings = RebootSettings()
    logging: LoggingSettings = LoggingSettings()
    journal: JournalSettings = JournalSettings()
    api: ApiSettings = ApiSettings()
    integrations: IntegrationSettings = IntegrationSettings()

    @field_validator("phones", mode="before")
    @classmethod
    def _are_neutral(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        problems = [found for name, item in value.items() if (found := _phone_problem(name, item))]
        if problems:
            raise _PhonesError(problems)
        return {name: _as_text(item) for name, item in value.items()}

    @property
    def preferences(self) -> Preferences:
        """The neutral settings of all phones as values."""
        return merged(Preferences(), self.phones)


def load_settings(path: Path | None, environ: dict[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises SettingsError that holds every P104, P105 and P106."""
    data = read_yaml(path) if path else {}
    base = path.parent.resolve() if path else Path.cwd()
    names = dict(os.environ) if environ is None else environ
    hidden = lay_environment(data, names, base, _fields_of)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(tuple(_problems(error, hidden))) from None
    return _with_absolute_paths(settings, base)


class _PhonesError(ValueError):
    """Keys of `phones` that cannot be used."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        super().__init__("; ".join(item.message for item in problems))
        self.problems = problems


def _phone_problem(name: str, value: object) -> ConfigProblem | None:
    """What is wrong with a key of `phones`, if anything."""
    code, message = "P105", ""
    if name not in PARSERS:
        code, message = "P104", f"no such neutral setting; known: {', '.join(PARSERS)}"
    elif isinstance(value, bool):
        # YAML 1.1 reads no, off, yes and on as truth values: the codes of Norway and Norwegian.
        message = f"YAML reads this word as {str(value).lower()}: put it in quotes"
    elif value is None or isinstance(value, dict):
        message = "input should be a text, a number or a list"
    else:
        try:
            parse_preference(name, _as_text(value)[:PROBLEM_SHOWN])
        except PreferenceError as error:
            message = str(error)
    return ConfigProblem(code=code, key=f"phones.{name}", message=message) if message else None


def _as_text(value: object) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _fields_of(sections: Sequence[str | int]) -> Mapping[str, FieldInfo]:
    """The keys of a section by its path; none for a section that does not exist."""
    kind: type[BaseModel] = Settings
    for section in sections:
        found = kind.model_fields.get(str(section))
        inner = found.annotation if found else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return {}
        kind = inner
    return kind.model_fields


def _problems(error: ValidationError, hidden: Collection[str]) -> list[ConfigProblem]:
    problems: list[ConfigProblem] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        key = ".".join(str(part) for part in item["loc"])
        if isinstance(cause, _PhonesError):
            problems += cause.problems
        elif item["type"] == "extra_forbidden":
            message = f"no such setting; known: {_known_keys(item['loc'])}"
            problems.append(ConfigProblem(code="P104", key=key, message=message))
        else:
            is_hidden = key in hidden or "password" in key or key == "sip.kamailio.database"
            message = _message(item["msg"], item.get("input"), is_hidden=is_hidden)
            problems.append(ConfigProblem(code="P105", key=key, message=message))
    return problems


def _message(text: str, value: object, *, is_hidden: bool) -> str:
    """What was expected, and what was found unless it is a secret or too much to show."""
    text = text.removeprefix("Value error, ")
    if is_hidden:
        text = text.replace(str(value), "***")
    elif not isinstance(value, dict | list | BaseModel):
        text = f"{text[:PROBLEM_SHOWN]}, got {ascii(value)[:VALUE_SHOWN]}"
    return text[:1].lower() + text[1 : PROBLEM_SHOWN + VALUE_SHOWN]


def _known_keys(location: tuple[int | str, ...]) -> str:
    return ", ".join(_fields_of(location[:-1]))


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    url = settings.store.url
    database = base / "data" / "offhook"
    file = _SQLITE.fullmatch(url)
    if file:
        database = base / file[2]
        url = f"{file[1]}{database}"
    key_file = settings.store.key_file or database.parent / "secret.key"
    store = settings.store.model_copy(update={"url": url, "key_file": base / key_file})
    logging = settings.logging.model_copy(update={"file": base / settings.logging.file})
    provisioning = settings.provisioning.model_copy(
        update={"templates": base / settings.provisioning.templates}
    )
    return settings.model_copy(
        update={
            "server": settings.server.model_copy(update=_tls_paths(settings.server, base)),
            "store": store,
            "logging": logging,
            "provisioning": provisioning,
            "sip": _absolute_sip(settings.sip, base),
            "integrations": _absolute_integrations(settings.integrations, base),
        }
    )


def _absolute_sip(settings: SipSettings, base: Path) -> SipSettings:
    database = absolute_database(settings.kamailio.database, base)
    kamailio = settings.kamailio.model_copy(update={"database": database})
    return settings.model_copy(update={"kamailio": kamailio, **_tls_paths(settings, base)})


def _tls_paths(settings: ServerSettings | SipSettings, base: Path) -> dict[str, Path]:
    paths = {"tls_certificate": settings.tls_certificate, "tls_key": settings.tls_key}
    return {name: base / path for name, path in paths.items() if path is not None}


def _absolute_integrations(settings: IntegrationSettings, base: Path) -> IntegrationSettings:
    directory = settings.active_directory
    paths = {name: getattr(directory, name) for name in ("ca_file", "bind_password_file")}
    moved = {name: base / path for name, path in paths.items() if path is not None}
    file = settings.file
    if file.path is not None:
        file = file.model_copy(update={"path": base / file.path})
    return settings.model_copy(
        update={"active_directory": directory.model_copy(update=moved), "file": file}
    )
