"""Phones as a table of text: what people paste or upload, and what they take away."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from offhook.actions.wanted import Wanted, WantedLine
from offhook.core.mac import Mac, parse_mac
from offhook.core.model import Device, Extension
from offhook.errors import BadRequestError

ROWS_MAX = 10_000
LINES_MAX = 64
CELL_MAX = 1000

ORDER = ("mac", "extension", "name", "vendor", "model", "label")
"""The columns of a table without a heading."""

_ALIASES = {
    "mac": "mac",
    "macaddress": "mac",
    "extension": "extension",
    "extensionnumber": "extension",
    "ext": "extension",
    "number": "extension",
    "name": "name",
    "displayname": "name",
    "user": "name",
    "vendor": "vendor",
    "maker": "vendor",
    "manufacturer": "vendor",
    "brand": "vendor",
    "model": "model",
    "label": "label",
}
_OF_LINE = ("extension", "name", "label")
_HEADING = re.compile(r"([a-z]+?)([2-9]|[1-9][0-9])?\Z")
# What a spreadsheet takes for a formula at the start of a cell (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What was read: the rows, and headings that mean nothing here."""

    rows: tuple[Wanted, ...]
    ignored: tuple[str, ...] = ()


def decode(data: bytes) -> str:
    """Read the bytes of a file: UTF-8 or UTF-16 by its mark, else what Western Windows writes."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def parse_table(text: str) -> Table:
    """Read a table with commas, semicolons or tabs, with or without a heading.

    Raises BadRequestError when it is none, or has too many rows. What is wrong in a row is found
    when the row is judged.
    """
    text = text.removeprefix("\ufeff")
    numbered = list(_cells(text))
    if not numbered:
        raise BadRequestError(
            "no_rows", "there is no row", "paste at least one: mac,extension,name,vendor,model"
        )
    heading, ignored = _heading(numbered[0][1])
    rows = numbered[1:] if heading else numbered
    if not rows:
        raise BadRequestError(
            "no_rows", "there is a heading and no row below it", "add a row for each phone"
        )
    if len(rows) > ROWS_MAX:
        raise BadRequestError(
            "too_many_rows",
            f"there are more than {ROWS_MAX} rows",
            "send them in parts",
            413,
        )
    names = heading or tuple((name, 1) for name in ORDER)
    return Table(rows=tuple(_row(number, names, cells) for number, cells in rows), ignored=ignored)


def export_table(
    devices: Mapping[Mac, Device], extensions: Mapping[str, Extension], size: int = 500
) -> Iterator[str]:
    """Write all phones as they are now, many rows at a time."""
    kept, names = list(devices.values()), dict(extensions)
    rows = render_table(kept, names, max((len(it.lines) for it in kept), default=1))

    def parts() -> Iterator[str]:
        while part := "".join(islice(rows, size)):
            yield part

    return parts()


def render_table(
    devices: Iterable[Device], extensions: Mapping[str, Extension], lines: int
) -> Iterator[str]:
    """Write phones as rows that `parse_table` reads again; `lines` is the most that one has.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    more = [f"{name}{place}" for place in range(2, lines + 1) for name in _OF_LINE]
    yield _written([*ORDER, *more])
    for device in devices:
        cells = ["", "", "", "", "", ""] + [""] * len(more)
        cells[0], cells[3], cells[4] = device.mac.plain, device.vendor, device.model
        for place, line in enumerate(device.lines):
            extension = extensions.get(line.extension)
            where = (1, 2, 5) if place == 0 else tuple(range(3 + 3 * place, 6 + 3 * place))
            texts = (line.extension, extension.name if extension else "", line.label)
            for column, text in zip(where, texts, strict=True):
                cells[column] = text
        yield _written(cells)


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the number and the cells of each row that is not blank; one more than is allowed."""
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="")
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(lines, delimiter=_delimiter(first))
    count = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [_cell(cell) for cell in cells]
                count += 1
            if count > ROWS_MAX + 1:
                return
    except csv.Error as error:
        raise BadRequestError(
            "no_table",
            f"row {reader.line_num} cannot be read as a table: {error}",
            "look for a quotation mark that is not closed",
        ) from None


def _cell(text: str) -> str:
    """A cell without blanks around it, and without the apostrophe that keeps text from counting."""
    text = text.strip()
    is_quoted = text.startswith("'") and text[1:].startswith(_FORMULA)
    return (text[1:] if is_quoted else text)[:CELL_MAX]


def _delimiter(line: str) -> str:
    outside = re.sub(r'"[^"]*"', "", line)
    return max(("\t", ";", ","), key=outside.count)


def _heading(cells: Sequence[str]) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Give column and line for each cell, and the texts that mean nothing; empty when none is."""
    found = [_named(cell) for cell in cells]
    is_heading = any(name == "mac" for name, _ in found) or (
        sum(bool(name) for name, _ in found) >= 2
        and not any(parse_mac(cell) is not None for cell in cells)
    )
    if not is_heading:
        return (), ()
    if all(name != "mac" for name, _ in found):
        raise BadRequestError(
            "no_mac_column", "no column is called mac", "give the column of MAC addresses this name"
        )
    twice = next(
        (cells[place] for place, it in enumerate(found) if it[0] and it in found[:place]), ""
    )
    if twice:
        raise BadRequestError(
            "column_twice", f"the column {twice[:40]!r} is there twice", "leave one of them out"
        )
    ignored = tuple(cell[:40] for cell, it in zip(cells, found, strict=True) if cell and not it[0])
    return tuple(found), ignored


def _named(cell: str) -> tuple[str, int]:
    folded = re.sub(r"[\s_\-]", "", cell).lower()
    match = _HEADING.match(folded)
    name = _ALIASES.get(match[1], "") if match else ""
    place = int(match[2] or 1) if match else 1
    if place > LINES_MAX or (place > 1 and name not in _OF_LINE):
        return "", 1
    return name, place


def _row(number: int, names: Sequence[tuple[str, int]], cells: Sequence[str]) -> Wanted:
    found = {key: cell for key, cell in zip(names, cells, strict=False) if key[0]}
    places = sorted({place for (name, place), cell in found.items() if cell and name in _OF_LINE})
    lines = tuple(
        WantedLine(
            extension=found.get(("extension", place), ""),
            name=found.get(("name", place), ""),
            label=found.get(("label", place), ""),
        )
        for place in places
    )
    return Wanted(
        row=number,
        mac_address=found.get(("mac", 1), ""),
        vendor=found.get(("vendor", 1), ""),
        model=found.get(("model", 1), ""),
        lines=lines,
    )


def _written(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue()
