"""What a command prints: tables and lines for people, JSON for programs, errors with a hint."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from offhook.cli.troubleshoot.report import printable
from offhook.cli.troubleshoot.report import table as lay_out

PIPE_WIDTH = 1000
"""Columns when nobody looks: lines are for grep there, so none is folded or cut."""


def _console(*, is_error: bool) -> Console:
    # Colours on a terminal only, never with NO_COLOR: both are rich's own rules.
    stream = sys.stderr if is_error else sys.stdout
    return Console(
        stderr=is_error,
        highlight=False,
        emoji=False,
        markup=False,
        width=None if stream.isatty() else PIPE_WIDTH,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where a command prints. With `as_json` only `data` prints to standard output."""

    as_json: bool = False
    out: Console = field(default_factory=lambda: _console(is_error=False))
    err: Console = field(default_factory=lambda: _console(is_error=True))

    def gave_data(self, value: Any) -> bool:
        """Print JSON when that is wanted; True when it was."""
        if self.as_json:
            self.data(value)
        return self.as_json

    def data(self, value: Any) -> None:
        """Print JSON, indented."""
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def say(self, text: str, style: str = "") -> None:
        """Print a line for people; nothing with `as_json`."""
        if not self.as_json:
            self.out.print(Text(_shown(text), style=style), soft_wrap=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print rows in columns, with only blanks between them; nothing with `as_json`."""
        if self.as_json:
            return
        cells = [[_word(cell) for cell in row] for row in rows]
        if not self.out.is_terminal:
            for line in lay_out(head, cells):
                self.say(line)
            return
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(head))
        for name in head:
            table.add_column(name, overflow="fold")
        for row in cells:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self.out.print(table)

    def facts(self, rows: Sequence[tuple[str, object]]) -> None:
        """Print names and values, one pair a line; nothing with `as_json`."""
        self.table(("", ""), rows)

    def note(self, text: str) -> None:
        """Print a word beside the result, to standard error."""
        self.err.print(Text(_shown(text), style="dim"), soft_wrap=True)

    def error(self, message: str, hint: str = "") -> None:
        """Print what is wrong and what to do, to standard error."""
        line = Text("error: ", style="bold red")
        line.append(_shown(message), style="not bold default")
        self.err.print(line, soft_wrap=True)
        if hint:
            self.err.print(Text(f"hint: {_shown(hint)}", style="yellow"), soft_wrap=True)


def _shown(text: str) -> str:
    """Keep line breaks of ours; make every other control character of anybody's visible."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).replace("\n", " ")
