"""How the checks are printed: marks, colours on a terminal only, and exit codes."""

from __future__ import annotations

import io

import pytest

from offhook.cli.troubleshoot.report import Check, Line, Mark, Report, printer, table, verdict


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report_of(*marks: Mark) -> Report:
    lines = tuple(Line(mark=mark, text=f"line {index}") for index, mark in enumerate(marks))
    return Report(url="http://x", checks=(Check(number=1, title="First", lines=lines),))


@pytest.mark.parametrize(
    ("marks", "code"),
    [
        ((), 0),
        ((Mark.OK, Mark.NOTE, Mark.SKIPPED), 0),
        ((Mark.OK, Mark.PAST), 0),
        ((Mark.OK, Mark.WARNING), 1),
        ((Mark.PROBLEM, Mark.NOTE), 1),
        ((Mark.PROBLEM, Mark.BLOCKED), 2),
    ],
)
def test_the_exit_code_follows_the_worst_line(marks, code):
    assert report_of(*marks).exit_code == code


def test_a_finding_told_twice_counts_once():
    line = Line(mark=Mark.WARNING, text="P301 same")
    checks = tuple(Check(number=n, title="x", lines=(line,)) for n in (3, 5))
    assert verdict(Report(url="", checks=checks)).text.startswith("Problems found: 1 ")


def test_a_pipe_gets_no_colours():
    out = io.StringIO()
    printer(out, {}).report(report_of(Mark.PROBLEM))
    assert "\x1b" not in out.getvalue()
    assert "✗ line 0" in out.getvalue()


def test_a_terminal_gets_colours_unless_it_wants_none():
    shown = Terminal()
    printer(shown, {}).report(report_of(Mark.PROBLEM))
    assert "\x1b[31m" in shown.getvalue()
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = Terminal()
        printer(plain, environ).report(report_of(Mark.PROBLEM))
        assert "\x1b" not in plain.getvalue()


def test_what_phones_say_cannot_command_the_terminal():
    out = Terminal()
    line = Line(mark=Mark.NOTE, text="agent \x1b]0;owned\x07", more=("more \x1b[2J\u202e",))
    printer(out, {"NO_COLOR": "1"}).line(line)
    assert "\x1b" not in out.getvalue()
    assert "\\x1b]0;owned\\x07" in out.getvalue()
    assert "\\u202e" in out.getvalue()


def test_a_narrow_encoding_gets_plain_signs():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    printer(out, {}).report(report_of(Mark.OK, Mark.PROBLEM))
    out.flush()
    assert b"XX line 1" in raw.getvalue()


def test_tables_have_no_blanks_at_the_end():
    assert table(("A", "Name"), [("1", "x"), ("200", "")]) == ("A    Name", "1    x", "200")


def test_a_table_without_a_head_begins_with_its_rows():
    assert table(("", ""), [("Name", "x")]) == ("Name  x",)
