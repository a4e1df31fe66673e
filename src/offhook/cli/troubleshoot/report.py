"""What the checks found, and how it is printed: text with colours on a terminal only, or JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TextIO

EXIT_CLEAN, EXIT_FOUND, EXIT_CANNOT_RUN = 0, 1, 2


class Mark(StrEnum):
    """What a line says. `problem` and `warning` make the exit code 1, `blocked` makes it 2."""

    OK = "ok"
    PROBLEM = "problem"
    WARNING = "warning"
    BLOCKED = "blocked"
    PAST = "past"
    """A failure of former times: shown in red, but no finding of now."""
    NOTE = "note"
    SKIPPED = "skipped"


_SIGNS = {
    Mark.OK: ("✓", "OK", "32"),
    Mark.PROBLEM: ("✗", "XX", "31"),
    Mark.WARNING: ("!", "!!", "33"),
    Mark.BLOCKED: ("✗", "XX", "31"),
    Mark.PAST: ("✗", "XX", "31"),
    Mark.NOTE: ("·", "--", ""),
    Mark.SKIPPED: ("-", "..", "2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement; `more` are lines below it: evidence and what to do."""

    mark: Mark
    text: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One of the five checks; `data` is what it looked at, for programs."""

    number: int
    title: str
    lines: tuple[Line, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of a run against `url`; `opening` says how the fleet is before them."""

    url: str
    checks: tuple[Check, ...]
    opening: tuple[Line, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 clean, 1 found something, 2 the checks could not be made."""
        marks = {line.mark for check in self.checks for line in check.lines}
        if Mark.BLOCKED in marks:
            return EXIT_CANNOT_RUN
        return EXIT_FOUND if marks & {Mark.PROBLEM, Mark.WARNING} else EXIT_CLEAN

    def as_data(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "url": self.url,
            "exit_code": self.exit_code,
            "opening": [{"text": line.text, "more": list(line.more)} for line in self.opening],
            "checks": [
                {
                    "number": check.number,
                    "title": check.title,
                    "lines": [
                        {"mark": line.mark.value, "text": line.text, "more": list(line.more)}
                        for line in check.lines
                    ],
                    "data": dict(check.data),
                }
                for check in self.checks
            ],
        }


def verdict(report: Report) -> Line:
    """The last line of a run."""
    lines = [line for check in report.checks for line in check.lines]
    # Check 5 tells again what concerns its phone.
    count = len({line.text for line in lines if line.mark in (Mark.PROBLEM, Mark.WARNING)})
    match report.exit_code:
        case 0:
            return Line(mark=Mark.OK, text="No problems found")
        case 1:
            return Line(mark=Mark.PROBLEM, text=f"Problems found: {count} (marked ✗ and ! above)")
        case _:
            return Line(mark=Mark.BLOCKED, text="The checks could not be completed: see above")


def printable(text: str) -> str:
    """Make control characters visible: phones and files may say anything, a terminal obeys."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Lay texts out in columns without blanks at the end; a head of empty texts is left out."""
    lines = (head, *rows) if any(head) else rows
    cells = [[printable(cell) for cell in row] for row in lines]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(len(head))]
    return tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """Writes to a stream what the stream can show."""

    out: TextIO
    has_colours: bool
    has_signs: bool

    def report(self, report: Report) -> None:
        """Print all checks and the verdict."""
        self._write(f"Offhook provisioning checks of {report.url}", "1")
        for line in report.opening:
            self.line(line)
        for check in report.checks:
            self._write("")
            self._write(f"{check.number}. {check.title}", "1")
            for line in check.lines:
                self.line(line)
        self._write("")
        self.line(verdict(report))

    def line(self, line: Line) -> None:
        """Print one statement and what is below it."""
        sign, plain, colour = _SIGNS[line.mark]
        self._write(f"  {sign if self.has_signs else plain} {printable(line.text)}", colour)
        for text in line.more:
            self._write(f"      {printable(text)}")

    def _write(self, text: str, colour: str = "") -> None:
        if self.has_colours and colour:
            text = f"\x1b[{colour}m{text}\x1b[0m"
        encoding = self.out.encoding or "utf-8"
        self.out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def printer(out: TextIO, environ: Mapping[str, str] | None = None) -> Printer:
    """A printer with colours on a terminal only, and never with NO_COLOR (no-color.org)."""
    environment = os.environ if environ is None else environ
    is_plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
    try:
        "✓✗·".encode(out.encoding or "utf-8")
        has_signs = True
    except UnicodeEncodeError:
        has_signs = False
    return Printer(out=out, has_colours=out.isatty() and not is_plain, has_signs=has_signs)
