"""The manual page of settings, made from the settings' own descriptions."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from offhook.core.preferences import CODECS, DTMF, PARSERS, TRANSPORTS, Preferences
from offhook.settings import Settings
from offhook.settings_reading import ENV_PREFIX

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
        kind = section_type(field)
        parts.append(_section((section,), kind, field) if kind else _phones(section))
    return "\n".join(parts)


def section_type(field: FieldInfo) -> type[BaseModel] | None:
    """The type of a setting that is a section of its own; None for a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _section(path: tuple[str, ...], kind: type[BaseModel], field: FieldInfo) -> str:
    rows, inner = [], []
    defaults = field.get_default(call_default_factory=True)
    for key, item in kind.model_fields.items():
        deeper = section_type(item)
        if deeper is not None:
            inner.append(_section((*path, key), deeper, item))
        else:
            rows.append(_row((*path, key), _default(getattr(defaults, key)), item.description))
    title = f"{'#' * min(len(path) + 1, 4)} {'.'.join(path)}"
    table = [*_HEADINGS, *rows, ""] if rows else []
    return "\n".join([title, "", (kind.__doc__ or "").split("\n")[0], "", *table, *inner])


def _phones(section: str) -> str:
    defaults = Preferences()
    rows = []
    for name in PARSERS:
        value = getattr(defaults, name)
        shown = list(value) if isinstance(value, tuple) else value
        rows.append(_row((section, name), _default(shown), PHONE_MEANINGS[name]))
    return "\n".join([_PHONES, *_HEADINGS, *rows, ""])


PHONE_MEANINGS = {
    "transport": f"SIP transport: {', '.join(TRANSPORTS)}",
    "register_expires_s": "lifetime of a registration that phones ask for",
    "ntp_server": "time server",
    "time_zone": "IANA name, such as Europe/Berlin",
    "language": "ISO 639-1 code of the display's language, such as en",
    "country": "ISO 3166 code of the tones' country, such as US",
    "codecs": f"best first, out of {', '.join(CODECS)}",
    "dtmf": f"how digits are sent: {', '.join(DTMF)}",
    "voicemail_number": "number of the message key; empty for none",
    "resync_minutes": "how often phones fetch by themselves; 0 never",
}
"""What each key of `phones` means."""


_HEADINGS = ("| Key | Default | Meaning | Variable |", "|---|---|---|---|")


def _row(path: tuple[str, ...], default: str, meaning: str | None) -> str:
    variable = ENV_PREFIX + "__".join(path).upper()
    text = (meaning or "").replace("|", "/")
    return f"| `{'.'.join(path)}` | {default} | {text} | `{variable}` |"


def _default(value: object) -> str:
    match value:
        case None | "" | []:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case list():
            return f"`{', '.join(str(item) for item in value)}`"
        case Path():
            return f"`{value.as_posix()}`"
        case SecretStr():
            return "none"
        case _:
            return f"`{value}`"
