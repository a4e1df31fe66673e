"""Typed settings: `config.yml`, then `OFFHOOK_SECTION__KEY`; problems become findings."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from offhook.core.preferences import PARSERS, Preferences, merged, parse_preference
from offhook.diagnosis.facts import ConfigProblem
from offhook.directory_settings import IntegrationSettings, Section
from offhook.errors import ConfigError

ENV_PREFIX = "OFFHOOK_"


class ServerSettings(Section):
    """Addresses and ports."""

    external_ip: str = Field("", description="address written into phone files and URLs")
    bind: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 - a PBX serves its LAN
    http_port: int = Field(8080, ge=0, le=65535, description="HTTP port; 0 takes any free one")
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
        ["private"], description="networks whose phones are answered: private, any, or CIDR"
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

    url: str = Field("sqlite:///data/offhook.db", description="SQLAlchemy URL")
    key_file: Path | None = Field(None, description="key of secrets; default beside the database")


class SipSettings(Section):
    """The registrar."""

    engine: Literal["embedded"] = Field("embedded", description="SIP engine")
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


class RebootSettings(Section):
    """How phones are told to fetch again."""

    per_second: float = Field(20, gt=0, le=1000, description="NOTIFYs a second at most")
    answer_timeout_s: float = Field(8, gt=0, le=32, description="wait for the answer to a NOTIFY")
    fetch_timeout_s: float = Field(300, ge=1, description="wait for the phone to fetch its file")
    register_timeout_s: float = Field(300, ge=1, description="wait for it to register after that")


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
        texts = {str(k): ",".join(v) if isinstance(v, list) else str(v) for k, v in value.items()}
        for name, text in texts.items():
            if name not in PARSERS:
                raise ValueError(f"{name} is not a neutral setting; known: {', '.join(PARSERS)}")
            parse_preference(name, text)
        return texts

    @property
    def preferences(self) -> Preferences:
        """The neutral settings of all phones as values."""
        return merged(Preferences(), self.phones)


def load_settings(path: Path | None, environ: dict[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises ConfigError whose message lists every P104/P105/P106."""
    base = path.parent.resolve() if path else Path.cwd()
    data = _read_yaml(path) if path else {}
    _lay_environment(data, dict(os.environ) if environ is None else environ)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(tuple(_problems(error))) from None
    return _with_absolute_paths(settings, base)


class SettingsError(ConfigError):
    """The settings have problems; each becomes a P1xx finding."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("; ".join(f"{item.key}: {item.message}" for item in problems))
        self.problems = problems


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            (ConfigProblem(code="P106", key=str(path), message="there is no such file"),)
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise SettingsError((ConfigProblem(code="P106", key=str(path), message=text),)) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        problem = ConfigProblem(code="P106", key=str(path), message="it is not a list of sections")
        raise SettingsError((problem,))
    return {str(key): ({} if value is None else value) for key, value in data.items()}


def _lay_environment(data: dict[str, Any], environ: dict[str, str]) -> None:
    for name, value in sorted(environ.items()):
        if not name.startswith(ENV_PREFIX) or "__" not in name:
            continue
        *sections, key = name[len(ENV_PREFIX) :].lower().split("__")
        fields = _fields_of(sections)
        text: Any = value
        if key.endswith("_file") and key not in fields and key[:-5] in fields:
            key, text = key[:-5], _read_secret(name, value)
        if key in fields and fields[key].annotation == list[str]:
            text = [item.strip() for item in str(text).split(",") if item.strip()]
        part: Any = data
        for section in sections:
            part = part.setdefault(section, {}) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part[key] = text


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


def _read_secret(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            (ConfigProblem(code="P106", key=name, message=f"cannot read {file}: {error.strerror}"),)
        ) from None


def _problems(error: ValidationError) -> list[ConfigProblem]:
    problems = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = _known_keys(item["loc"])
            problems.append(
                ConfigProblem(code="P104", key=key, message=f"no such setting; known: {known}")
            )
        else:
            message = item["msg"].removeprefix("Value error, ")
            shown = item.get("input")
            if not isinstance(shown, dict | list | BaseModel) and "password" not in key:
                message = f"{message[0].lower()}{message[1:]}, got {shown!r}"
            problems.append(ConfigProblem(code="P105", key=key, message=message))
    return problems


def _known_keys(location: tuple[int | str, ...]) -> str:
    return ", ".join(_fields_of(location[:-1]))


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    url = settings.store.url
    prefix = "sqlite:///"
    if url.startswith(prefix) and url != "sqlite:///:memory:":
        url = prefix + str(base / url[len(prefix) :])
        database = Path(url[len(prefix) :])
    else:
        database = base / "data" / "offhook"
    key_file = settings.store.key_file or database.parent / "secret.key"
    store = settings.store.model_copy(update={"url": url, "key_file": base / key_file})
    logging = settings.logging.model_copy(update={"file": base / settings.logging.file})
    provisioning = settings.provisioning.model_copy(
        update={"templates": base / settings.provisioning.templates}
    )
    return settings.model_copy(
        update={
            "store": store,
            "logging": logging,
            "provisioning": provisioning,
            "integrations": _absolute_integrations(settings.integrations, base),
        }
    )


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
