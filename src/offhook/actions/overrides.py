"""What people changed on phones: the uploads that say so, compared with our files."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from offhook.actions.files import Files
from offhook.actions.ports import UploadStore
from offhook.actions.state import State
from offhook.core.dialect import DialectError
from offhook.core.inventory import flatten, profile_of
from offhook.core.mac import Mac
from offhook.core.model import Device
from offhook.core.render import RenderError
from offhook.core.secret import is_secret_key
from offhook.core.vendor import FileKind, FileRule, Model, SampleLine, VendorProfile
from offhook.diagnosis.facts import LocalOverride, RenderFault

COMPARED_KEPT = 4096
_MASKED = "***"
_SAME = {"true": "1", "yes": "1", "on": "1", "false": "0", "no": "0", "off": "0"}
_ONE = re.compile(r"(?<![A-Za-z0-9])1(?![A-Za-z0-9])")

Found = tuple[LocalOverride, ...]
_Version = tuple[datetime, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Overrides:
    """Compares what phones uploaded of their local settings; remembers what it compared last.

    Only accounts and what the site set by the maker's own keys count: ring tones are the user's.
    """

    state: State
    files: Files
    uploads: UploadStore
    _compared: OrderedDict[tuple[Mac, str], tuple[_Version, Found]] = field(
        default_factory=OrderedDict
    )

    async def of(self, devices: Mapping[Mac, Device]) -> dict[Mac, Found]:
        """Give by device the settings that its phone holds otherwise than its file says."""
        rules = {mac: known for mac, it in devices.items() if (known := self._rules(it))}
        stored = await self.uploads.names_of(tuple(rules)) if rules else ()
        found: dict[Mac, Found] = {}
        for mac, file, at in stored:
            rule = next((it for it in rules[mac] if it.pattern.fullmatch(file)), None)
            if rule is not None:
                differences = await self._of_file(devices[mac], rule, file, at)
                if differences:
                    found[mac] = (*found.get(mac, ()), *differences)
        return found

    def _rules(self, device: Device) -> tuple[FileRule, ...]:
        profile = self.state.source.profiles.get(device.vendor)
        return tuple(rule for rule in profile.files if rule.overrides) if profile else ()

    async def _of_file(self, device: Device, rule: FileRule, file: str, at: datetime) -> Found:
        expected = await asyncio.to_thread(self.files.expected, device.mac)
        if isinstance(expected, RenderFault):
            return ()
        key, version = (device.mac, file), (at, tuple(sorted(expected.items())))
        known = self._compared.get(key)
        if known is None or known[0] != version:
            body = await self.uploads.get_upload(device.mac, file)
            found = await asyncio.to_thread(self._compare, device, rule, file, at, body or b"")
            self._compared[key] = known = (version, found)
            self._compared.move_to_end(key)
            if len(self._compared) > COMPARED_KEPT:
                self._compared.popitem(last=False)
        return known[1]

    def _compare(
        self, device: Device, rule: FileRule, file: str, at: datetime, body: bytes
    ) -> Found:
        if rule.overrides is None:
            return ()
        try:
            profile, model = profile_of(self.state.source, device)
            ours = self._ours(device, profile, model)
            theirs = rule.overrides.parse(body.decode("utf-8"))
        except (RenderError, DialectError, UnicodeDecodeError):
            return ()  # a phone may keep what we cannot read
        return tuple(
            LocalOverride(
                file=file,
                at=at,
                key=key,
                ours=_MASKED if is_secret_key(key) else value,
                phones=_MASKED if is_secret_key(key) else theirs[key],
            )
            for key, value in ours.items()
            if key in theirs and _folded(theirs[key]) != _folded(value)
        )

    def _ours(self, device: Device, profile: VendorProfile, model: Model) -> dict[str, str]:
        source = self.state.source
        _, own = flatten(source, source.layers(profile.name, model.name, device))
        accounts = tuple(_patterns(profile.behaviour.account))
        return {
            key: value
            for rule in profile.rules_for(model)
            if rule.kind is FileKind.DEVICE and rule.is_expected and rule.dialect is not None
            for key, value in rule.dialect.parse(
                self.files.device_file(device, rule).body.decode("utf-8")
            ).items()
            if key in own or any(pattern.fullmatch(key) for pattern in accounts)
        }


def _patterns(account: SampleLine) -> Iterator[re.Pattern[str]]:
    """Give the keys of every account, from those of the first."""
    keys = (
        account.number,
        account.display_name,
        account.label,
        account.auth_name,
        account.secret,
        account.server,
        account.port,
    )
    for key in keys:
        if key:
            yield re.compile(r"[0-9]+".join(re.escape(part) for part in _ONE.split(key)))


def _folded(value: str) -> str:
    text = value.strip()
    return _SAME.get(text.lower(), text)
