"""What templates see of a device, its accounts, the server and the settings."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import cast

from offhook.core.holes import Trial
from offhook.core.preferences import Preferences
from offhook.core.timezone import TimeZone
from offhook.core.vendor import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class LineValues:
    """One SIP account as templates see it: `index` from 1; texts are raw, the dialect escapes."""

    index: int
    number: str
    display_name: str
    label: str
    auth_name: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerValues:
    """Where the phone finds us: `base` ends with a slash, as in `http://192.0.2.1:8080/provision/`.

    Templates write `sip_port`; for a phone on TLS `over` has put the port of TLS there.
    """

    address: str
    sip_port: int
    http_port: int
    base: str
    tls_port: int = 0

    def over(self, transport: str) -> ServerValues:
        """Give the values for a phone's transport; without TLS (port 0) they are all the same."""
        is_tls = transport == "tls" and self.tls_port
        return replace(self, sip_port=self.tls_port) if is_tls else self


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceValues:
    """The device as templates see it."""

    mac: str
    mac_upper: str
    admin_password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileValues:
    """Everything a template may use. `device` is None and `lines` empty in common files."""

    server: ServerValues
    prefs: Preferences
    tz: TimeZone
    model: Model
    device: DeviceValues | None = None
    lines: tuple[LineValues, ...] = ()


_DEVICE = tuple(item.name for item in fields(DeviceValues))
_LINE = tuple(item.name for item in fields(LineValues) if item.name != "index")


@dataclass(frozen=True, slots=True)
class Own:
    """All that is a device's own in its files, in common files nothing: its texts, and its lines.

    `texts` are those of `DeviceValues`, then of each line those that `LineValues` has behind
    `index`, in the order of their fields.
    """

    indexes: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def layout(self) -> tuple[object, ...]:
        """All that a template may learn of a device without looking into its texts."""
        texts = self.texts
        return len(texts), self.indexes, tuple(map(bool, texts)) if "" in texts else ()

    def with_holes(self, trial: Trial) -> Own:
        """Put a stand-in in the place of each text, numbered as they are."""
        holes = (trial.hole(place, is_full=bool(text)) for place, text in enumerate(self.texts))
        return Own(self.indexes, cast("tuple[str, ...]", tuple(holes)))

    @property
    def device(self) -> DeviceValues | None:
        """The device as templates see it."""
        return DeviceValues(**dict(zip(_DEVICE, self.texts, strict=False))) if self.texts else None

    @property
    def lines(self) -> tuple[LineValues, ...]:
        """The lines as templates see them."""
        texts = iter(self.texts[len(_DEVICE) :])
        return tuple(
            LineValues(index=index, **dict(zip(_LINE, texts, strict=False)))
            for index in self.indexes
        )
