"""Takes every secret the PBX knows out of texts that leave it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from offhook.actions.free_settings import is_makers_secret
from offhook.actions.state import State
from offhook.core.secret import MASK

SHORTEST = 4
"""A shorter text is no secret anybody could keep, and would be found everywhere."""

_WORD = re.compile(r"[A-Za-z0-9_-]{8,}")


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Masks known secrets, however a text writes them.

    `words` are looked up word by word, which costs the same for one secret and for 100,000;
    `odd` are those with other characters, in every spelling.
    """

    words: frozenset[str]
    odd: tuple[str, ...]

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Scrubber:
        """Sort secrets by how they are looked for."""
        known = {secret for secret in secrets if len(secret) >= SHORTEST}
        words = frozenset(secret for secret in known if _WORD.fullmatch(secret))
        odd = {form for secret in known - words for form in _spellings(secret)}
        return cls(words, tuple(sorted(odd, key=len, reverse=True)))

    def text(self, text: str) -> str:
        """Mask in a text."""
        for secret in self.odd:
            text = text.replace(secret, MASK)
        return _WORD.sub(self._masked, text)

    def data(self, value: Any) -> Any:
        """Mask in every text of a JSON value, names of keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.data(item) for item in value]
        return value

    def _masked(self, found: re.Match[str]) -> str:
        return MASK if found[0] in self.words else found[0]


def known_secrets(state: State) -> Iterator[str]:
    """Give the secrets of extensions, devices and makers' settings, the former ones included."""
    for extension in tuple(state.extensions.values()):
        yield extension.secret.reveal()
    for former in tuple(state.former_secrets.values()):
        yield former.reveal()
    for device in tuple(state.devices.values()):
        yield device.admin_password.reveal()
        yield from _of_settings(device.settings)
    for settings in tuple(state.settings.values()):
        yield from _of_settings(settings)


def _of_settings(settings: Mapping[str, str]) -> Iterator[str]:
    return (value for key, value in settings.items() if is_makers_secret(key))


def _spellings(secret: str) -> set[str]:
    """How logs, JSON, XML and URLs write a text."""
    return {
        secret,
        html.escape(secret),
        html.escape(secret, quote=False),
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.encode("unicode_escape").decode("ascii"),
    }
