"""The texts that phones have fetched lately, to show what changed since; bounded in bytes.

Of what was fetched before the start, or is long ago, only the digest is known.
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from dataclasses import dataclass, field

from offhook.actions.files import Files
from offhook.actions.masking import scrubbed, secrets_of
from offhook.actions.state import State
from offhook.core.events import AttemptRecorded, Event
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Device
from offhook.core.render import Rendered, RenderError

KEPT_BYTES = 32 * 1024 * 1024
LINES_MAX = 400
_CONTEXT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A file as it was fetched, and the secrets of that moment: they must not be shown later."""

    file: Rendered
    secrets: frozenset[str]


@dataclass(slots=True)
class Delivered:
    """Keeps each device's files as last fetched by the phone itself."""

    state: State
    files: Files
    kept_bytes: int = KEPT_BYTES
    _kept: OrderedDict[tuple[Mac, str], _Kept] = field(default_factory=OrderedDict)
    _size_bytes: int = 0

    def on_event(self, event: Event) -> None:
        """Take down a delivery. The file is still at hand then, so nothing is rendered for it.

        Of what came again alike (AttemptsRepeated) nothing is new.
        """
        if isinstance(event, AttemptRecorded) and event.attempt.mac is not None:
            device = self.state.devices.get(event.attempt.mac)
            if device is not None and event.attempt.is_delivery and event.attempt.is_device_file:
                self._keep(device, event.attempt)

    def difference(self, device: Device, name: str, now: str) -> tuple[str, ...] | None:
        """Compare with `now`, a text with its secrets masked, line by line; both are masked.

        None when the text that was fetched is not kept.
        """
        kept = self._kept.get((device.mac, name))
        profile = self.state.source.profiles.get(device.vendor)
        if kept is None or profile is None:
            return None
        secrets = kept.secrets | secrets_of(self.state.source, device, {})
        before = scrubbed(kept.file.body.decode(), profile.keys, secrets)
        after = scrubbed(now, profile.keys, secrets)
        lines = difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            f"{name} as fetched",
            f"{name} now",
            n=_CONTEXT,
            lineterm="",
        )
        return tuple(lines)[:LINES_MAX]

    def _keep(self, device: Device, attempt: Attempt) -> None:
        place = (device.mac, attempt.file)
        kept = self._kept.get(place)
        if kept is not None and kept.file.digest == attempt.digest:
            self._kept.move_to_end(place)  # the same bytes have the same secrets in them
            return
        made = self._made(device, attempt.file)
        if made is None or attempt.digest not in ("", made.digest):
            return
        old = self._kept.pop(place, None)
        self._size_bytes -= len(old.file.body) if old else 0
        secrets = frozenset(secrets_of(self.state.source, device, {}))
        self._kept[place] = _Kept(file=made, secrets=secrets)
        self._size_bytes += len(made.body)
        while self._size_bytes > self.kept_bytes:
            _, gone = self._kept.popitem(last=False)
            self._size_bytes -= len(gone.file.body)

    def _made(self, device: Device, name: str) -> Rendered | None:
        profile = self.state.source.profiles.get(device.vendor)
        model = profile.model(device.model) if profile else None
        if profile is None or model is None:
            return None
        for rule in profile.rules_for(model):
            if rule.template and rule.pattern.fullmatch(name):
                try:
                    return self.files.device_file(device, rule)
                except RenderError:
                    return None
        return None
