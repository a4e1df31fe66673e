"""The shape of a file: its text with holes where a device's values go, learnt once and filled.

A file is rendered with stand-ins in place of the device's texts (`holes`), by the same compiled
template. When the template only printed them, all it did else depended on nothing of the device
but what shapes are kept by: so every device with those has the same text around the same values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import escape

from offhook.core.dialect import Dialect, DialectError
from offhook.core.holes import FIRST_MARK, MARK, Observed, Print, Trial


class Source(NamedTuple):
    """A value as it is written: a text of the device, through filters; `must_be` limits it."""

    place: int
    via: tuple[Callable[[str], object], ...]
    must_be: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What `learn_shape` found: `text` with a `%s` for each hole; `order` are their sources."""

    text: str
    sources: tuple[Source, ...]
    order: tuple[int, ...]
    write: Callable[[object], str]

    def fill(self, texts: Sequence[str]) -> str | None:
        """Make the file of a device with these texts; None when only the template can tell.

        That is so for values that cannot be written at all, and for those a hole cannot take.
        """
        written = []
        try:
            for place, via, must_be in self.sources:
                text = self.write(_filtered(texts[place], via) if via else texts[place])
                if must_be is not None and must_be.fullmatch(text) is None:
                    return None
                written.append(text)
        except (DialectError, Observed, ArithmeticError, LookupError, TypeError, ValueError):
            return None
        return self.text % tuple(map(written.__getitem__, self.order))


def _filtered(text: str, via: Iterable[Callable[[str], object]]) -> str:
    """Take a text through filters. Raises TypeError when something else or markup comes out."""
    for function in via:
        made = function(text)
        if type(made) is not str:
            raise TypeError
        text = made
    return text


def learn_shape(
    dialect: Dialect, trial: Trial, text: str, settings: Mapping[str, str]
) -> Shape | None:
    """Make a shape of a text with marks and of the settings to be merged in; None without proof.

    The dialect must know under which condition each hole leaves the rest alone, and the merge must
    keep the holes where they are or drop them.
    """
    if not trial.is_whole(text) or any(it.is_escaped != dialect.is_xml for it in trial.prints):
        return None
    if any(map(MARK.search, (*settings, *settings.values()))):
        return None
    marks = MARK.findall(text)
    try:
        limits = dialect.limits(text, marks)
        merged = dialect.apply(text, settings)
        left = MARK.findall(merged)
        kept = dialect.limits(merged, left)
    except DialectError:
        return None
    is_same = left == sorted(set(left)) and set(left) <= set(marks)
    if limits is None or not is_same or kept != {it: limits[it] for it in left}:
        return None
    return _shape(dialect, trial.prints, merged, limits)


def _shape(
    dialect: Dialect,
    prints: Sequence[Print],
    text: str,
    limits: Mapping[str, re.Pattern[str] | None],
) -> Shape:
    """Gather the holes that are written alike; those that the settings replaced are checked too."""
    sources: dict[Source, int] = {}
    source_of = [
        sources.setdefault(Source(it.place, it.via, limits[chr(FIRST_MARK + index)]), len(sources))
        for index, it in enumerate(prints)
    ]
    return Shape(
        text="%s".join(part.replace("%", "%%") for part in MARK.split(text)),
        sources=tuple(sources),
        order=tuple(source_of[ord(mark) - FIRST_MARK] for mark in MARK.findall(text)),
        write=_escaping(dialect) if dialect.is_xml else dialect.escape,
    )


def _escaping(dialect: Dialect) -> Callable[[object], str]:
    return lambda value: str(escape(dialect.escape(value)))
