"""Reads the files of many phones for the price of a few: what is alike in them is read once.

Files of one model differ in some values only. Their markup is cut away and compared: where all of
it is known, the values stand where they stood in the file that was read by its maker's syntax.
Whatever is not exactly so is read by that syntax, so the result is always the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offhook.core.dialect import Dialect, DialectError
from offhook.core.vendor import FileRule

# What means itself: no markup, no entity, nothing that XML 1.0 §2.2 forbids or §3.3.3 changes.
_PLAIN = "[^<>&\"'\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+"
_TEXTS = re.compile(f"(?<=>)({_PLAIN})(?=</)")
_ATTRIBUTES = re.compile(f'(?<==")({_PLAIN})(?=")')
_MAC = re.compile(r"[0-9A-Fa-f]{12}")
SHAPES = 1024
"""Remembered at most: there are about as many as models, unless each phone has its own."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The values of a file: keys by the place where each stands, the others as they are.

    `fixed` must stand where it stands; at the places of `macs` a MAC address may.
    """

    keys: Mapping[str, int]
    constant: Mapping[str, str]
    fixed: Mapping[int, str]
    macs: frozenset[int]

    def read(self, pieces: Sequence[str]) -> dict[str, str] | None:
        """Give the values, None when a piece is not as it must be."""
        if any(pieces[place] != text for place, text in self.fixed.items()):
            return None
        if not all(_MAC.fullmatch(pieces[place]) for place in self.macs):
            return None
        return {**self.constant, **{key: pieces[place] for key, place in self.keys.items()}}


class Reader:
    """Reads files by their rules' syntax, and remembers shapes."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, str], _Shape | None] = {}
        self._holes: dict[str, re.Pattern[str]] = {}

    def read(self, rule: FileRule, body: bytes) -> dict[str, str]:
        """Read a file. Raises UnicodeDecodeError, DialectError."""
        text, dialect = body.decode("utf-8"), rule.dialect
        if dialect is None:
            return {}
        if not dialect.is_xml:
            return dialect.parse(text)
        holes = self._holes.get(dialect.name)
        if holes is None:
            values = dialect.parse(text)
            holes = self._holes[dialect.name] = _better_holes(dialect, text, values)
        pieces = holes.split(text)
        key = (dialect.name, "\0".join(pieces[::2]))
        if key not in self._shapes:
            values = dialect.parse(text)
            if len(self._shapes) < SHAPES:
                self._shapes[key] = _learn(dialect, pieces, values)
            return values
        shape = self._shapes[key]
        found = shape.read(pieces) if shape else None
        return dialect.parse(text) if found is None else found


def _better_holes(dialect: Dialect, text: str, values: Mapping[str, str]) -> re.Pattern[str]:
    """Choose where this syntax has its values: between tags, or in attributes."""

    def free(holes: re.Pattern[str]) -> int:
        shape = _learn(dialect, holes.split(text), values)
        return len(shape.keys) if shape else 0

    return max((_TEXTS, _ATTRIBUTES), key=free)


def _learn(dialect: Dialect, pieces: Sequence[str], values: Mapping[str, str]) -> _Shape | None:
    """Put marks where values stand and read again: where each mark is found, its value comes from.

    None when any other value changes by that, or the file is refused.
    """
    known = set(values.values())
    marked, places, fixed, macs = list(pieces), {}, {}, set()
    for place in range(1, len(pieces), 2):
        if pieces[place] in known:
            marked[place] = f"mark {place} of a value"
            places[marked[place]] = place
        elif _MAC.fullmatch(pieces[place]):
            marked[place] = f"{place:012x}"
            macs.add(place)
        else:
            fixed[place] = pieces[place]
    try:
        found = dialect.parse("".join(marked))
    except DialectError:
        return None
    keys = {key: places[value] for key, value in found.items() if value in places}
    constant = {key: value for key, value in found.items() if value not in places}
    if any(pieces[place] != values.get(key) for key, place in keys.items()):
        return None
    if len(found) != len(values) or any(values.get(key) != constant[key] for key in constant):
        return None
    return _Shape(keys=keys, constant=constant, fixed=fixed, macs=frozenset(macs))
