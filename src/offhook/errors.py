"""The exceptions of Offhook; the expected is a value elsewhere.

OffhookError
├── ConfigError      settings cannot be used: exit code 2, carries P1xx findings
├── BadRequestError  a change was refused: HTTP 400/404/409, exit code 1
│   └── BadRowsError  a change of many was refused for some of its rows
├── RenderError      a template could not make a valid file: fault P701 or P702
└── StoreError       the database cannot be opened, migrated or written
"""

from __future__ import annotations

from collections.abc import Mapping


class OffhookError(Exception):
    """Root of all; `str()` is the message, `hint` what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(OffhookError):
    """Settings cannot be used."""


class BadRequestError(OffhookError):
    """A change or a question was refused; `status` is the HTTP status, `code` a word or fault."""

    def __init__(self, code: str, message: str, hint: str = "", status: int = 400) -> None:
        super().__init__(message, hint)
        self.code = code
        self.status = status


class BadRowsError(BadRequestError):
    """Nothing of a change of many was done; `rows` says why for each row, counted from 1."""

    def __init__(self, rows: Mapping[int, BadRequestError], count: int) -> None:
        self.rows = dict(sorted(rows.items()))
        row, first = next(iter(self.rows.items()))
        others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        super().__init__(
            "bad_rows",
            f"row {row} of {count} cannot be used: {first}{others}",
            f"{first.hint}; nothing was changed" if first.hint else "nothing was changed",
        )


class StoreError(OffhookError):
    """The database cannot be opened, migrated or written."""
