"""Free settings of site, makers and models, and the site's templates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache

from offhook.actions.changing import Changes, Changing
from offhook.actions.ports import PutSettings
from offhook.actions.state import overlaid
from offhook.core.check import FieldError, check_setting
from offhook.core.inventory import SITE, FileSource, model_scope, vendor_scope
from offhook.core.mac import Mac
from offhook.core.maker_keys import KeyClass
from offhook.core.model import Device, Settings, SettingScope
from offhook.core.preferences import PARSERS, PreferenceError, parse_preference
from offhook.core.secret import MASK, is_secret_key
from offhook.errors import BadRequestError
from offhook.vendors import load_profiles


class FreeSettings:
    """Changes that touch many devices at once."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing
        self._state = changing.state
        self._files = changing.files
        # With other nodes it waits until all have the same templates.
        self.on_templates: Callable[[list[Mac], str], Awaitable[Changes]] = self.wake_for_templates

    def scope(self, vendor: str = "", model: str = "") -> SettingScope:
        """The scope of a maker or model by any spelling, of the site without. 400 if unknown."""
        if not vendor:
            return SITE
        profile = self._changing.vendor(vendor)
        if not model:
            return vendor_scope(profile.name)
        return model_scope(profile.name, self._changing.model(profile, model).name)

    async def change_settings(
        self, actor: str, scope: SettingScope, values: Mapping[str, str | None]
    ) -> tuple[Settings, Changes]:
        """Merge settings of a site, vendor or model by key; None removes one."""
        async with self._state.lock:
            devices = self._devices_in(scope)
            before = self._state.settings.get(scope, {})
            after = merged_settings(before, values, is_site=scope.level == "site")
            if after == before:
                return before, Changes()
            source = overlaid(self._state.source, settings={scope: after})
            same = {device.mac: device for device in devices}
            changed = await self._changing.compared(devices, same, source)
            subject = f"{scope.level} {scope.key}".strip()
            row = self._changing.change(
                actor,
                "settings",
                subject,
                "changed",
                masked_settings(before),
                masked_settings(after),
            )
            await self._changing.commit([PutSettings(scope=scope, settings=after)], [row])
            self._files.forget_all()
        reason = f"settings of {subject} changed"
        return after, await self._changing.wake(changed, reason=reason, asked_by=actor)

    async def templates_changed(
        self,
        source: FileSource,
        actor: str,
        *,
        subject: str = "site",
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> Changes:
        """Take new templates; phones whose files change are told to fetch again.

        `subject`, `before` and `after` are for the Change row.
        Refused as a whole when a device's files, fine before, could not be made any more.
        """
        async with self._state.lock:
            makers = self._state.source.templates.makers_changed(source.templates)
            devices = [item for item in self._state.devices.values() if item.vendor in makers]
            same = {device.mac: device for device in devices}
            changed = await self._changing.compared(devices, same, source)
            row = self._changing.change(actor, "templates", subject, "changed", before, after)
            await self._changing.commit([], [row])
            self._state.take_source(source)
            self._files.forget_all()
        return await self.on_templates(changed, actor)

    async def wake_for_templates(self, macs: list[Mac], actor: str) -> Changes:
        """Tell phones whose files new templates changed."""
        return await self._changing.wake(macs, reason="templates changed", asked_by=actor)

    def _devices_in(self, scope: SettingScope) -> list[Device]:
        everything = list(self._state.devices.values())
        vendor, _, model = scope.key.partition("/")
        if scope != self.scope(vendor, model):
            raise BadRequestError(
                "bad_scope",
                f"settings have no scope {scope.level} {scope.key[:80]}",
                "use site, a vendor's name, or a vendor's and a model's",
            )
        if scope.level == "vendor":
            return [item for item in everything if item.vendor == vendor]
        if scope.level == "model":
            return [item for item in everything if (item.vendor, item.model) == (vendor, model)]
        return everything


def masked_settings(settings: Settings) -> dict[str, str]:
    """Free settings as people and Change rows see them: a maker's own passwords masked."""
    return {
        key: MASK if key not in PARSERS and is_makers_secret(key) else value
        for key, value in settings.items()
    }


@lru_cache(maxsize=4096)
def is_makers_secret(key: str) -> bool:
    """Say whether a key holds a password by its name, or for any of the makers (P34 tells none)."""
    return is_secret_key(key) or any(
        profile.keys.classify(key) is KeyClass.SECRET for profile in load_profiles()
    )


def merged_settings(
    before: Settings, values: Mapping[str, str | None], *, is_site: bool
) -> dict[str, str]:
    """Merge by key; None removes. 400 for an unusable key or value."""
    after = dict(before)
    for key, value in values.items():
        if value is None:
            after.pop(key, None)
            continue
        try:
            _check(key, value, is_site=is_site)
        except (FieldError, PreferenceError) as error:
            raise BadRequestError(
                "bad_settings", str(error), "correct this setting; nothing was changed"
            ) from None
        after[key] = value
    return after


def _check(key: str, value: str, *, is_site: bool) -> None:
    check_setting(key, value)
    if key in PARSERS:
        parse_preference(key, value)
    elif is_site:
        raise FieldError(
            "settings",
            f"of the site may not have the maker's key {key}: set it for a vendor, model or "
            f"device; neutral keys are {', '.join(PARSERS)}",
        )
