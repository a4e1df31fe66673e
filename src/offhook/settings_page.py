"""The manual page of settings, made from the settings' own descriptions."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from offhook.core.preferences import PARSERS, Preferences
from offhook.settings import ENV_PREFIX, Settings

_HEAD = """# Settings

Made from the code by `scripts/make_docs.py`.

The file is `config.yml`, or what `offhook serve --config FILE` names. Every key can also be set as
an environment variable, which wins over the file: `OFFHOOK_SECTION__KEY`, and from a file that
holds only the value as `OFFHOOK_SECTION__KEY_FILE`. Lists are written with commas there. Relative
paths start at the folder of `config.yml`. Port 0 means any free port; it is printed at the start.

An unknown key, an unusable value or a file that cannot be read ends with exit code 2 and the faults
[P104](faults/P104.md), [P105](faults/P105.md) and [P106](faults/P106.md), which name the key.
"""
_PHONES = """## phones

What every phone gets unless a maker, model or device says otherwise (site < vendor < model <
device, merged by key). Write words that YAML reads as truth values (`no`, `on`) in quotes.
"""


def settings_page() -> str:
    """Make the Markdown page of every setting: key, default, meaning, variable."""
    parts = [_HEAD]
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            parts.append(_section(section, kind))
        else:
            parts.append(_phones(section))
    return "\n".join(parts)


def _section(section: str, kind: type[BaseModel]) -> str:
    rows = [
        _row(f"{section}.{key}", _default(item), item.description or "")
        for key, item in kind.model_fields.items()
    ]
    return "\n".join([f"## {section}", "", kind.__doc__ or "", "", *_HEADINGS, *rows, ""])


def _phones(section: str) -> str:
    defaults = Preferences()
    rows = []
    for name in PARSERS:
        value = getattr(defaults, name)
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        rows.append(_row(f"{section}.{name}", f"`{text}`", ""))
    return "\n".join([_PHONES, *_HEADINGS, *rows, ""])


_HEADINGS = ("| Key | Default | Meaning | Variable |", "|---|---|---|---|")


def _row(key: str, default: str, meaning: str) -> str:
    section, _, name = key.partition(".")
    variable = f"{ENV_PREFIX}{section.upper()}__{name.upper()}"
    return f"| `{key}` | {default} | {meaning.replace('|', '/')} | `{variable}` |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", []):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`{', '.join(value)}`"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"
