"""A phone's file as people see it: secrets masked unless revealed, each value with its origin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from offhook.actions.devices import Devices
from offhook.actions.free_settings import masked_settings
from offhook.actions.state import State
from offhook.core.explain import ExplainedLine, explain_file
from offhook.core.inventory import (
    FileSource,
    file_name,
    main_file,
    profile_of,
    render_device_file,
)
from offhook.core.model import Device
from offhook.core.render import RenderError
from offhook.core.secret import MASK, Secret
from offhook.core.vendor import FileRule
from offhook.errors import BadRequestError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file's name, media type and text; `files` are the names that may be asked for."""

    file: str
    content_type: str
    text: str
    files: tuple[str, ...]


@dataclass(slots=True)
class ShownFiles:
    """Shows files to people. Masking renders the file with the secrets replaced, so that every
    place a template puts one is masked, in any format."""

    state: State
    devices: Devices

    async def show(
        self, actor: str, mac_address: str, name: str = "", *, is_revealed: bool = False
    ) -> ShownFile:
        """Give a device's file: the one with the account, or another by name. 404 otherwise."""
        source, device = await self._taken(actor, mac_address, is_revealed=is_revealed)
        return await self._made(lambda: _text(source, device, name))

    async def explain(
        self, actor: str, mac_address: str, *, is_revealed: bool = False
    ) -> tuple[str, list[ExplainedLine]]:
        """Tell the file with the account value by value, with the level each came from."""
        source, device = await self._taken(actor, mac_address, is_revealed=is_revealed)
        return await self._made(lambda: explain_file(source, device))

    async def _taken(
        self, actor: str, mac_address: str, *, is_revealed: bool
    ) -> tuple[FileSource, Device]:
        async with self.state.lock:
            device = self.devices.device(mac_address)
            if is_revealed:
                await self.devices.note_revealed(actor, device, "configuration revealed")
                return self.state.source, device
        return _masked(self.state.source, device)

    async def _made(self, make: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(make)
        except RenderError as error:
            raise BadRequestError(
                error.code,
                f"the file cannot be made: {error}",
                "GET /api/provisioning/diagnostics says what to correct",
                status=409,
            ) from None


def _masked(source: FileSource, device: Device) -> tuple[FileSource, Device]:
    """The same picture with every secret of this device replaced."""
    numbers = {line.extension for line in device.lines}
    extensions = {
        number: replace(source.extensions[number], secret=Secret(MASK))
        for number in numbers
        if number in source.extensions
    }
    settings = {scope: masked_settings(values) for scope, values in source.settings.items()}
    return (
        replace(source, extensions=extensions, settings=settings),
        replace(device, admin_password=Secret(MASK), settings=masked_settings(device.settings)),
    )


def _text(source: FileSource, device: Device, name: str) -> ShownFile:
    _, main = main_file(source, device)
    rules = _rules(source, device)
    wanted = name or main
    rule = rules.get(wanted)
    if rule is None:
        raise BadRequestError(
            "unknown_file",
            f"device {device.mac.colons} has no file {wanted[:80]!r}",
            f"its files are {', '.join(rules)}",
            status=404,
        )
    rendered = render_device_file(source, device, rule)
    return ShownFile(
        file=wanted,
        content_type=rendered.content_type,
        text=rendered.body.decode(),
        files=tuple(rules),
    )


def _rules(source: FileSource, device: Device) -> dict[str, FileRule]:
    profile, model = profile_of(source, device)
    return {
        file_name(rule, device, model): rule
        for rule in profile.rules_for(model)
        if rule.template and rule.dialect is not None
    }
