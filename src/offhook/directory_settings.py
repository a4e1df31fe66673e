"""The settings of directories: `integrations.active_directory` and `integrations.file`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from offhook.core.directory import Brake, DirectoryPolicy
from offhook.core.secret import Secret
from offhook.directory.ldap_settings import LdapGroups, LdapSettings, LdapTimeouts

_DURATION = re.compile(r"(\d{1,6})([smhd])\Z")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Section(BaseModel):
    """A section refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Groups(Section):
    """Who is in scope by group."""

    include: list[str] = Field([], description="DNs of groups; empty takes everybody")
    exclude: list[str] = Field([], description="DNs of groups whose members are left out")
    nested: bool = Field(True, description="members of groups in these groups count too")


class Timeouts(Section):
    """Deadlines in seconds."""

    connect: float = Field(5, gt=0, le=60, description="TCP, TLS and sign-in")
    message: float = Field(15, gt=0, le=120, description="each answer")
    run: float = Field(300, gt=0, le=3600, description="the whole read")


class Schedule(Section):
    """When runs happen by themselves; never before the first one was asked for."""

    every: str = Field("15m", description="such as 15m or 1h; 0m switches it off")
    jitter: str = Field("1m", description="up to this is added, so that sites do not act as one")

    @field_validator("every", "jitter")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        seconds(value)
        return value


class Number(Section):
    """Where the extension number is."""

    attributes: list[str] = Field(["ipPhone"], description="attributes, in order")
    pattern: str = Field(r"\d{2,8}", description="must match the whole number")
    extract: str = Field("", description="finds the number in a longer text; group 1 or all")
    ranges: list[str] = Field([], description="such as 1000-1999; empty allows all")

    @field_validator("pattern", "extract")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value

    @field_validator("ranges")
    @classmethod
    def _are_ranges(cls, value: list[str]) -> list[str]:
        for item in value:
            if not re.fullmatch(r"\d{1,15}-\d{1,15}", item):
                raise ValueError(f"{item!r} is not like 1000-1999")
        return value


class Names(Section):
    """What becomes of a person's attributes."""

    display_name: list[str] = Field(
        ["{displayName}", "{givenName} {sn}", "{cn}", "{sAMAccountName}"],
        description="first of which every attribute has a text",
    )
    email: str = Field("mail", description="attribute of the address")


class BrakeSetting(Section):
    """At most so many percent of the active people, but never less than so many."""

    percent: int = Field(10, ge=0, le=100, description="percent of the active people")
    at_least: int = Field(5, ge=0, description="people who may change however few there are")

    def brake(self) -> Brake:
        """As the planner takes it."""
        return Brake(percent=self.percent, at_least=self.at_least)


class Brakes(Section):
    """What a run may change without being confirmed."""

    max_disable: BrakeSetting = BrakeSetting()
    max_create: int = Field(50, ge=0, description="new extensions in one run")
    max_renumber: BrakeSetting = BrakeSetting(percent=5)
    max_rename: BrakeSetting = BrakeSetting(percent=30, at_least=20)


class Plan(Section):
    """What both kinds of directory share."""

    enabled: bool = Field(False, description="synchronise at all")
    number: Number = Number()
    map: Names = Names()
    create: bool = Field(True, description="make extensions for new people")
    adopt: Literal["never", "name_matches", "always"] = Field(
        "never", description="take over an extension made by hand that has the person's number"
    )
    on_disabled: Literal["disable", "report"] = Field("disable", description="disabled accounts")
    on_missing: Literal["disable", "report"] = Field("disable", description="people gone")
    grace_days: int = Field(90, ge=0, description="days a former number stays reserved")
    brakes: Brakes = Brakes()
    schedule: Schedule = Schedule()
    reports_keep: int = Field(200, ge=1, le=10_000, description="reports kept")

    def policy(self) -> DirectoryPolicy:
        """As the planner takes it."""
        return DirectoryPolicy(
            name_formats=tuple(self.map.display_name),
            email_attribute=self.map.email,
            number_attributes=tuple(self.number.attributes),
            number_pattern=self.number.pattern,
            number_extract=self.number.extract,
            number_ranges=tuple(_range(item) for item in self.number.ranges),
            can_create=self.create,
            adopt=self.adopt,
            on_disabled=self.on_disabled,
            on_missing=self.on_missing,
            grace_days=self.grace_days,
            max_disable=self.brakes.max_disable.brake(),
            max_create=self.brakes.max_create,
            max_renumber=self.brakes.max_renumber.brake(),
            max_rename=self.brakes.max_rename.brake(),
        )


class ActiveDirectorySettings(Plan):
    """An Active Directory, read with an ordinary account over LDAPS or StartTLS."""

    servers: list[str] = Field([], description="such as ldaps://dc1.example.com, in order")
    start_tls: bool = Field(False, description="ldap:// with StartTLS instead of ldaps://")
    ca_file: Path | None = Field(None, description="PEM of the CA; default the system's store")
    verify: Literal["full", "none"] = Field("full", description="check of the certificate")
    bind_dn: str = Field("", description="the reading account, such as svc-pbx@corp.example.com")
    bind_password: SecretStr = Field(
        SecretStr(""), description="better as …BIND_PASSWORD_FILE in the environment"
    )
    bind_password_file: Path | None = Field(None, description="file that holds the password")
    base_dn: list[str] = Field([], description="where people are; default the whole domain")
    user_filter: str = Field("", description="further LDAP filter (RFC 4515)")
    groups: Groups = Groups()
    page_size: int = Field(500, ge=1, le=1000, description="people per page")
    timeouts: Timeouts = Timeouts()

    @model_validator(mode="after")
    def _can_be_read(self) -> ActiveDirectorySettings:
        if self.enabled and not (self.bind_password_file and not self.bind_password):
            self.ldap()
        return self

    def ldap(self) -> LdapSettings:
        """As the client takes it. Raises ValueError for what cannot work, or OSError."""
        policy = self.policy()
        formats = re.findall(r"\{([^}]*)\}", " ".join(policy.name_formats))
        wanted = ("sAMAccountName", *formats, policy.email_attribute, *policy.number_attributes)
        return LdapSettings(
            servers=tuple(self.servers),
            bind_dn=self.bind_dn,
            bind_password=self._password(),
            start_tls=self.start_tls,
            ca_file=str(self.ca_file or ""),
            verify=self.verify,
            base_dn=tuple(self.base_dn),
            user_filter=self.user_filter,
            groups=LdapGroups(
                include=tuple(self.groups.include),
                exclude=tuple(self.groups.exclude),
                is_nested=self.groups.nested,
            ),
            page_size=self.page_size,
            timeouts=LdapTimeouts(
                connect_s=self.timeouts.connect,
                message_s=self.timeouts.message,
                run_s=self.timeouts.run,
            ),
            attributes=tuple(dict.fromkeys(wanted)),
        )

    def _password(self) -> Secret:
        text = self.bind_password.get_secret_value()
        if not text and self.bind_password_file is not None:
            text = self.bind_password_file.read_text(encoding="utf-8").strip()
        return Secret(text)


class FileDirectorySettings(Plan):
    """A CSV or JSON file of people, for sites without a directory server."""

    path: Path | None = Field(None, description="the file; its columns: id, name, number, email")
    number: Number = Number(attributes=["number"])
    map: Names = Names(display_name=["{name}"], email="email")

    @model_validator(mode="after")
    def _has_path(self) -> FileDirectorySettings:
        if self.enabled and self.path is None:
            raise ValueError("path is missing: name the file of people")
        return self


class IntegrationSettings(Section):
    """Directories whose people become extensions."""

    active_directory: ActiveDirectorySettings = ActiveDirectorySettings()
    file: FileDirectorySettings = FileDirectorySettings()


def seconds(text: str) -> int:
    """Read `15m`. Raises ValueError."""
    found = _DURATION.match(text)
    if not found:
        raise ValueError(f"{text!r} is not like 30s, 15m, 1h or 1d")
    return int(found[1]) * _UNIT_S[found[2]]


def _range(text: str) -> tuple[str, str]:
    low, _, high = text.partition("-")
    return low, high
