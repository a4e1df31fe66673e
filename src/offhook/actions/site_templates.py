"""Templates of a site, edited: tried, saved over the package's, rolled back, taken away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from offhook.actions.changing import Changes, Changing
from offhook.actions.free_settings import FreeSettings
from offhook.actions.masking import masked_picture, scrubbed, secrets_of
from offhook.actions.templates import with_templates
from offhook.core.inventory import FileSource, file_name, profile_of, render_device_file
from offhook.core.maker_keys import MakerKeys
from offhook.core.model import Device
from offhook.core.render import RenderError, syntax_problem, template_name
from offhook.core.vendor import FileRule, Model, VendorProfile
from offhook.errors import BadRequestError

SIZE_MAX_BYTES = 256 * 1024
FOUND_IN_FOLDER = "found in the folder"
"""Who wrote a version that was there before anybody saved one here."""

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,95}\.j2\Z")
_MOMENT = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A template as it was saved; `text` is None where the site's own was taken away."""

    id: str
    at: datetime
    actor: str
    text: str | None = field(repr=False)


class TemplateStore(Protocol):
    """Where the site's templates and their former versions are; its calls block."""

    def read(self, name: str) -> str | None:
        """Give the site's own text, None without one. Raises ConfigError when it is unusable."""
        ...

    def stage(self, name: str, text: str) -> None:
        """Write a text beside its place, durably. Raises StoreError."""
        ...

    def put(self, name: str) -> None:
        """Move what was staged to its place at once. Raises StoreError."""
        ...

    def drop(self, name: str) -> None:
        """Forget what was staged."""
        ...

    def remove(self, name: str) -> None:
        """Take the site's own text away. Raises StoreError."""
        ...

    def keep(self, name: str, version: Version) -> None:
        """Add a version; the oldest go. Raises StoreError."""
        ...

    def versions(self, name: str) -> list[Version]:
        """Give the versions kept, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    """A template, the names of files it makes, and whether the site has its own."""

    name: str
    files: tuple[str, ...]
    is_own: bool
    is_packaged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A phone's files made from a text that is not saved, secrets masked; or why they cannot be."""

    device: Device
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str = ""


@dataclass(slots=True)
class SiteTemplates:
    """The verbs of the site's templates; each leaves a Change row and a version."""

    changing: Changing
    free_settings: FreeSettings
    store: TemplateStore
    packaged: Mapping[str, str]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def uses(self, vendor: str = "") -> list[TemplateUse]:
        """List templates in use, of all makers or of one, by name, with the files each makes."""
        source = self.changing.state.source
        files = {
            name: found
            for profile in source.profiles.values()
            if vendor in ("", profile.name)
            for name, found in _files(profile).items()
        }
        return [
            TemplateUse(
                name=name,
                files=tuple(files.get(name, ())),
                is_own=name in source.templates.own,
                is_packaged=name in self.packaged,
            )
            for name in sorted(source.templates.sources)
            if vendor in ("", name.partition("/")[0])
        ]

    def text(self, name: str) -> str:
        """Give the text in use. 404 when there is no such template."""
        found = self.changing.state.source.templates.sources.get(name)
        if found is None:
            raise BadRequestError(
                "unknown_template",
                f"there is no template {name[:120]!r}",
                "the page of templates lists all",
                status=404,
            )
        return found

    async def versions(self, name: str) -> list[Version]:
        """Give what was saved of a template, newest first. 404 when there is no such template."""
        self._checked(name)
        return await asyncio.to_thread(self.store.versions, name)

    async def trial(self, name: str, text: str, device: Device) -> Trial:
        """Make the files of a device that the text has a part in."""
        self._checked(name)
        source = self.changing.state.source
        return await asyncio.to_thread(self._trial, source, name, text, device)

    def device_for(self, name: str) -> Device | None:
        """Give a phone to try a template with: one whose file it makes, else one of its maker."""
        state = self.changing.state
        vendor = name.partition("/")[0]
        profile = state.source.profiles.get(vendor)
        other = None
        for device in state.devices.values():
            model = profile.model(device.model) if profile and device.vendor == vendor else None
            if profile is None or model is None:
                continue
            if any(rule for rule in _rules_of(profile, model, name)):
                return device
            other = other or device
        return other

    async def save(self, actor: str, name: str, text: str, base: str | None = None) -> Changes:
        """Take a text into use; phones whose files change are told to fetch again.

        `base` is the text it was made from: 409 when another one is in use now. 400 for a text
        that does not compile, or with which a phone's files could not be made any more.
        """
        self._checked(name)
        _check_text(text)
        if base is not None and base != self.text(name):
            raise BadRequestError(
                "template_changed",
                f"template {name} was changed meanwhile",
                "copy your text, load the page again and compare",
                status=409,
            )
        return await self._take(actor, name, text)

    async def remove(self, actor: str, name: str) -> Changes:
        """Take the site's own text away: the built-in one is used again. 404 without one."""
        self._checked(name)
        if await asyncio.to_thread(self.store.read, name) is None:
            raise BadRequestError(
                "no_own_template", f"the site has no template {name} of its own", "", status=404
            )
        return await self._take(actor, name, None)

    async def _take(self, actor: str, name: str, text: str | None) -> Changes:
        """Write it beside its place, use it, then move it: refused, the folder is as before."""
        async with self._lock:
            before = await asyncio.to_thread(self.store.read, name)
            await asyncio.to_thread(self._keep_found, name, before)
            if text is not None:
                await asyncio.to_thread(self.store.stage, name, text)
            try:
                tried = await asyncio.to_thread(
                    with_templates, self.changing.state.source, {name: text}, self.packaged
                )
                changes = await self.free_settings.templates_changed(
                    tried.source,
                    actor,
                    subject=name,
                    before=_shown(before),
                    after=_shown(text),
                )
            except BaseException:
                await asyncio.to_thread(self.store.drop, name)
                raise
            await asyncio.to_thread(self._put, actor, name, text)
        return changes

    def _put(self, actor: str, name: str, text: str | None) -> None:
        if text is None:
            self.store.remove(name)
        else:
            self.store.put(name)
        now = self.changing.now()
        self.store.keep(name, Version(id=now.strftime(_MOMENT), at=now, actor=actor, text=text))

    def _keep_found(self, name: str, text: str | None) -> None:
        """Keep what somebody wrote into the folder with an editor: nothing saved here loses it."""
        newest = next(iter(self.store.versions(name)), None)
        if text is None or (newest is not None and newest.text == text):
            return
        now = self.changing.now()
        found = Version(id=now.strftime(_MOMENT), at=now, actor=FOUND_IN_FOLDER, text=text)
        self.store.keep(name, found)

    def _checked(self, name: str) -> None:
        """Refuse a name that is none of a template in use: no path is made from any other."""
        vendor, _, file = name.partition("/")
        if vendor not in self.changing.state.source.profiles or not _FILE.match(file):
            raise BadRequestError(
                "bad_template",
                f"template {name[:80]!r} belongs to no maker",
                "choose one of the page of templates",
                status=404,
            )
        self.text(name)

    def _trial(self, source: FileSource, name: str, text: str, device: Device) -> Trial:
        problem = syntax_problem(text)
        if problem:
            return Trial(device=device, problem=problem)
        tried = with_templates(source, {name: text}, self.packaged).source
        masked, shown = masked_picture(tried, device)
        secrets = secrets_of(source, device, {})
        files = {}
        try:
            profile, model = profile_of(masked, shown)
            for rule in _rules_of(profile, model, name) or _rules_of(profile, model, ""):
                made = render_device_file(masked, shown, rule).body.decode()
                files[file_name(rule, shown, model)] = scrubbed(made, profile.keys, secrets)
        except RenderError as error:
            return Trial(device=device, problem=scrubbed(str(error), MakerKeys(), secrets))
        return Trial(device=device, files=files)


def _check_text(text: str) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_MAX_BYTES:
        raise BadRequestError(
            "template_too_large", f"a template has at most {SIZE_MAX_BYTES} bytes", "split it"
        )
    problem = syntax_problem(text)
    if problem:
        raise BadRequestError(
            "P701",
            f"the template does not compile: {problem}",
            "correct this line; nothing is saved",
        )


def _shown(text: str | None) -> dict[str, object] | None:
    """What a Change row keeps of a text: its size; the versions have it whole."""
    return None if text is None else {"lines": text.count("\n") + 1, "size_bytes": len(text)}


def _rules_of(profile: VendorProfile, model: Model, name: str) -> list[FileRule]:
    """Rules of a model that a template makes; with an empty name all that have one."""
    return [
        rule
        for rule in profile.rules_for(model)
        if rule.template
        and rule.dialect is not None
        and (not name or f"{profile.name}/{template_name(rule, model)}" == name)
    ]


def _files(profile: VendorProfile) -> dict[str, list[str]]:
    """Template names of a maker with the names of files each makes, for any model."""
    found: dict[str, list[str]] = {}
    for model in profile.models:
        for rule in profile.rules_for(model):
            if rule.template:
                names = found.setdefault(f"{profile.name}/{template_name(rule, model)}", [])
                if rule.name not in names:
                    names.append(rule.name)
    return found
