"""Files for people's eyes: made from masks, not secrets; what is left is masked by its key."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from offhook.actions.free_settings import masked_settings
from offhook.core.inventory import FileSource
from offhook.core.maker_keys import KeyClass, MakerKeys
from offhook.core.model import Device, Settings, SettingScope
from offhook.core.secret import MASK, Secret

CHANGED = f"{MASK} (changed)"
"""What stands for a secret that is not what it was."""

ADMIN = "admin"
_SHORTEST = 6
_LINE = re.compile(r"^(\s*)([A-Za-z0-9_.\-]+)(\s*=\s*)([^\"\n]+)$", re.MULTILINE)
_ELEMENT = re.compile(r"(<([A-Za-z_][\w.\-]*)[^<>]*>)([^<>]+)(</\2>)")
_ITEM = re.compile(r"(<(?:item|part)\s+name=\"([^\"]+)\"[^<>]*>)([^<>]+)(</(?:item|part)>)")
_ATTRIBUTE = re.compile(r"(\s)([A-Za-z_][\w.\-]*)(\s*=\s*\")([^\"]*)(?=\")")
_LOGIN = re.compile(r"(://[^\s/:@\"<>]*:)([^\s/@\"<>]+)(@)")


def masked_picture(
    source: FileSource, device: Device, changed: Collection[str] = ()
) -> tuple[FileSource, Device]:
    """Give the same picture with every secret of a device replaced.

    `changed` are the extensions whose secret is a new one, and `ADMIN`: those masks say so.
    """
    numbers = {line.extension for line in device.lines} & source.extensions.keys()
    extensions = {
        number: replace(source.extensions[number], secret=Secret(_mask(number in changed)))
        for number in numbers
    }
    settings: dict[SettingScope, Settings] = {
        scope: masked_settings(values) for scope, values in source.settings.items()
    }
    masked = replace(
        device,
        admin_password=Secret(_mask(ADMIN in changed)),
        settings=masked_settings(device.settings),
    )
    return replace(source, extensions=extensions, settings=settings), masked


def _mask(is_changed: bool) -> str:
    return CHANGED if is_changed else MASK


def scrubbed(text: str, keys: MakerKeys, secrets: Iterable[str] = ()) -> str:
    """Mask what still stands in a file's text: by the names of keys, in URLs, and known secrets."""
    text = _LOGIN.sub(rf"\1{MASK}\3", text)
    for pattern in (_ITEM, _ELEMENT, _ATTRIBUTE, _LINE):
        text = pattern.sub(lambda found: _without_value(found, keys), text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST and MASK not in secret:
            for form in (secret, html.escape(secret), str(html.escape(secret, quote=False))):
                text = text.replace(form, MASK)
    return text


def _without_value(found: re.Match[str], keys: MakerKeys) -> str:
    """Replace the last but one part of key and value, when the key holds a secret."""
    groups = list(found.groups())
    is_element = found.re in (_ELEMENT, _ITEM)
    key, value = (groups[1], groups[2]) if is_element else (groups[1], groups[3])
    if keys.classify(key) is not KeyClass.SECRET or MASK in value or not value.strip():
        return found[0]
    if is_element:
        return f"{groups[0]}{MASK}{groups[3]}"
    return f"{groups[0]}{groups[1]}{groups[2]}{MASK}"


def shown_value(key: str, value: str | None, keys: MakerKeys, secrets: Iterable[str]) -> str | None:
    """Give one value as people may see it; None where there is none."""
    if value is None:
        return None
    if keys.classify(key) is KeyClass.SECRET:
        return MASK if value else ""
    return scrubbed(value, keys, secrets)


def secrets_of(source: FileSource, device: Device, values: Mapping[str, str]) -> set[str]:
    """Collect what must not be shown: secrets of accounts, of the device, and of keys by name."""
    profile = source.profiles.get(device.vendor)
    keys = profile.keys if profile else MakerKeys()
    found = {device.admin_password.reveal()}
    for line in device.lines:
        extension = source.extensions.get(line.extension)
        if extension is not None:
            found.add(extension.secret.reveal())
    layers = source.layers(device.vendor, device.model, device)
    for pairs in (values, *(settings for _, settings in layers)):
        found |= {text for key, text in pairs.items() if keys.classify(key) is KeyClass.SECRET}
    return found - {""}
