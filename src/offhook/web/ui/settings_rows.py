"""The settings as they were read: value, whether it is the usual one, and where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, SecretStr

from offhook.core.preferences import PARSERS, Preferences
from offhook.core.secret import MASK, is_secret_key
from offhook.settings import Settings
from offhook.settings_page import PHONE_MEANINGS, section_type
from offhook.settings_reading import ENV_PREFIX

_LOGIN = re.compile(r"(://[^\s/:@]*:)[^\s/]+(@)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSetting:
    """One setting: `origin` is `default`, `config.yml` or the variable's name."""

    key: str
    value: str
    meaning: str
    origin: str

    @property
    def is_default(self) -> bool:
        """Say whether nobody chose it."""
        return self.origin == "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSection:
    """A section of the settings with its own keys."""

    name: str
    about: str
    rows: tuple[ReadSetting, ...]


def read_sections(settings: Settings, environ: Mapping[str, str]) -> list[ReadSection]:
    """Give every setting by section, secrets masked."""
    names = {name.upper() for name in environ}
    sections: list[ReadSection] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if section_type(field) is None:
            sections.append(_phones(settings.preferences, names))
        else:
            default = field.get_default(call_default_factory=True)
            sections += _sections((name,), value, default, names)
    return sections


def _sections(
    path: tuple[str, ...], value: BaseModel, default: BaseModel, names: set[str]
) -> Iterator[ReadSection]:
    rows, inner = [], []
    for key, field in type(value).model_fields.items():
        here, usual = getattr(value, key), getattr(default, key)
        if isinstance(here, BaseModel) and isinstance(usual, BaseModel):
            inner.append(((*path, key), here, usual))
            continue
        is_usual = here == usual or _is_usual_place(here, usual)
        rows.append(
            ReadSetting(
                key=".".join((*path, key)),
                value=_shown(key, here),
                meaning=field.description or "",
                origin=_origin((*path, key), names, is_usual=is_usual),
            )
        )
    about = (type(value).__doc__ or "").split("\n")[0]
    yield ReadSection(name=".".join(path), about=about, rows=tuple(rows))
    for part in inner:
        yield from _sections(*part, names)


def _phones(prefs: Preferences, names: set[str]) -> ReadSection:
    usual = Preferences()
    rows = tuple(
        ReadSetting(
            key=f"phones.{name}",
            value=_shown(name, getattr(prefs, name)),
            meaning=PHONE_MEANINGS[name],
            origin=_origin(
                ("phones", name), names, is_usual=getattr(prefs, name) == getattr(usual, name)
            ),
        )
        for name in PARSERS
    )
    about = "What every phone gets unless a maker, model or device says otherwise."
    return ReadSection(name="phones", about=about, rows=rows)


def _origin(path: tuple[str, ...], names: set[str], *, is_usual: bool) -> str:
    variable = ENV_PREFIX + "__".join(path).upper()
    for name in (variable, f"{variable}_FILE"):
        if name in names:
            return name
    return "default" if is_usual else "config.yml"


def _is_usual_place(value: object, usual: object) -> bool:
    """Tell a default path that was made absolute, and the default database in it."""
    if isinstance(value, Path):
        parts = Path(usual).parts if isinstance(usual, Path) else ("secret.key",)
        return value.parts[-len(parts) :] == parts and usual != Path()
    if isinstance(value, str) and isinstance(usual, str) and usual.startswith("sqlite:///"):
        return value.endswith(f"/{usual.removeprefix('sqlite:///')}")
    return False


def _shown(key: str, value: object) -> str:
    """Write a value; of a secret only that there is one, of a URL no password."""
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(_shown(key, item) for item in value)
        case dict():
            return ", ".join(f"{name}: {_shown(str(name), it)}" for name, it in value.items())
        case BaseModel():
            return _shown(key, value.model_dump())
        case str() if is_secret_key(key) and value:
            return MASK
        case _:
            return _LOGIN.sub(rf"\1{MASK}\2", str(value))
