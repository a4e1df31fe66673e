"""A file of people as rows: CSV or JSON, whole or refused with the place and the mend."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

KNOWN = ("id", "login", "name", "number", "email", "enabled")
"""The columns, in the order they are explained. `id` may be left out when there is `login`."""

_REQUIRED = ("name", "number")
_SHOWN_MAX = 60
_SEPARATORS = (",", ";", "\t")


class RowsError(Exception):
    """The file is not to be used: `str()` says where, what, and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A person as written: `place` is `line 7` or `entry 3`; `cells` by column, trimmed."""

    place: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All people of a file, and the columns that mean nothing here."""

    rows: tuple[Row, ...]
    unknown: tuple[str, ...] = ()


def parse_rows(data: bytes) -> Rows:
    """Read a CSV file with a header line, or a JSON list of objects. Raises RowsError.

    A byte order mark is accepted; a CSV file is separated by comma, semicolon or tab.
    """
    text = _decoded(data)
    if text.lstrip()[:1] in ("[", "{"):
        return _parse_json(text)
    return _parse_csv(text)


def quoted(text: str) -> str:
    """Show a text of the file on one line, cut."""
    return repr(text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}...")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RowsError(f"line {line} is not UTF-8; save the file as CSV UTF-8") from None


# --- CSV -----------------------------------------------------------------------------------------


def _parse_csv(text: str) -> Rows:
    lines = _csv_lines(text)
    _, header = next(lines, (1, []))
    if not header:
        raise RowsError(f"the file is empty; its first line names the columns: {_columns()}")
    columns = [name.strip().lower() for name in header]
    _check_columns(columns)
    rows = []
    for line, cells in lines:
        if len(cells) != len(columns):
            raise RowsError(
                f"line {line} has {len(cells)} cells and the header {len(columns)}; "
                "put texts with the separator in them into double quotes"
            )
        named = zip(columns, (cell.strip() for cell in cells), strict=True)
        rows.append(Row(place=f"line {line}", cells=dict(named)))
    return Rows(rows=tuple(rows), unknown=_unknown(columns))


def _csv_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the records with the line each begins at; empty ones are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise RowsError(
            f"line {begins} is no CSV: {error}; look for a double quote that is not closed"
        ) from None


def _separator(text: str) -> str:
    """Take the separator that shows most of the known columns in the first line."""
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")

    def known(separator: str) -> int:
        names = {cell.strip().strip('"').lower() for cell in first.split(separator)}
        return len(names & set(KNOWN))

    return max(_SEPARATORS, key=known)


def _check_columns(columns: list[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1 and name})
    if twice:
        raise RowsError(f"line 1 names the column {quoted(twice[0])} twice; rename or delete one")
    missing = [name for name in _REQUIRED if name not in columns]
    if "id" not in columns and "login" not in columns:
        missing.insert(0, "id (or login)")
    if missing:
        raise RowsError(
            f"line 1 has no column {', '.join(missing)}; the header needs: {_columns()}"
        )


def _unknown(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name and name not in KNOWN}))


def _columns() -> str:
    return "id or login, name, number, and if wanted email, enabled"


# --- JSON ----------------------------------------------------------------------------------------


def _parse_json(text: str) -> Rows:
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise RowsError(f"line {error.lineno} is no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise RowsError(f"the file is no JSON that can be read: {error}") from None
    if not isinstance(found, list):
        raise RowsError("the file is no JSON list; write [{...}, {...}], one object per person")
    rows = [_json_row(f"entry {place}", item) for place, item in enumerate(found, 1)]
    return Rows(rows=tuple(rows), unknown=_unknown(name for row in rows for name in row.cells))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name.strip().lower() for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RowsError(f"an entry names {quoted(twice[0])} twice; delete one")
    return {name: value for name, (_, value) in zip(names, pairs, strict=True)}


def _refuse_constant(name: str) -> object:
    raise RowsError(f"{name} is no value of JSON; write a text in double quotes")


def _json_row(place: str, item: object) -> Row:
    if not isinstance(item, dict):
        raise RowsError(f'{place} is no object; write {{"id": "...", "name": "...", ...}}')
    missing = [name for name in _REQUIRED if name not in item]
    if missing:
        raise RowsError(f'{place} has no {missing[0]!r}; write "" when there is none')
    return Row(
        place=place,
        cells={str(name): _json_text(place, str(name), value) for name, value in item.items()},
    )


def _json_text(place: str, name: str, value: object) -> str:
    """Texts, whole numbers and truth values have one spelling; anything else is no cell."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value.strip()
        case int():
            return str(value)
    if name not in KNOWN:
        return ""
    raise RowsError(f"{place} has a {type(value).__name__} as {name!r}; write a text")
