"""The form that takes one phone in, shared by those that knocked and those that are typed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData

from offhook.actions.adopt import Adopting
from offhook.actions.wanted import Wanted, WantedLine
from offhook.core.model import Extension
from offhook.web.ports import Services
from offhook.web.ui.page import text_of

CHOICES = 20
_FIELDS = ("mac", "model", "extension", "name", "label")
_TEXT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An extension that may be chosen; `phones` have it already."""

    extension: Extension
    phones: int


def adopting(services: Services) -> Adopting:
    """Give the verbs that take phones in."""
    return Adopting(
        changing=services.previews.changing, devices=services.devices, reboots=services.reboots
    )


def new_values() -> dict[str, str]:
    """What an empty form holds."""
    return dict.fromkeys(_FIELDS, "")


def form_values(form: FormData) -> dict[str, str]:
    """What was typed, to show it again."""
    return {name: text_of(form, name)[:_TEXT_MAX] for name in _FIELDS}


def wanted_of(form: FormData, mac: str = "") -> Wanted:
    """Read the form; the model's value is `maker/model`."""
    vendor, _, model = text_of(form, "model").partition("/")
    line = WantedLine(
        extension=text_of(form, "extension"),
        name=text_of(form, "name"),
        label=text_of(form, "label"),
    )
    return Wanted(
        mac_address=mac or text_of(form, "mac"), vendor=vendor, model=model, lines=(line,)
    )


async def choices(services: Services, text: str) -> list[Choice]:
    """Find extensions by the beginning of the number or a part of the name; free ones first."""
    everything = list(services.state.extensions.values())
    found = await asyncio.to_thread(_found, everything, text.strip()[:_TEXT_MAX].casefold())
    chosen = [
        Choice(extension=it, phones=len(services.state.devices_of(it.number))) for it in found
    ]
    return sorted(chosen, key=lambda it: it.phones > 0)[:CHOICES]


def _found(everything: Sequence[Extension], text: str) -> list[Extension]:
    numbers = [it for it in everything if it.number.startswith(text)][: 5 * CHOICES]
    names = [it for it in everything if text and text in it.name.casefold()][: 5 * CHOICES]
    exact = [it for it in numbers if it.number == text]
    return list({it.number: it for it in (*exact, *numbers, *names)}.values())
