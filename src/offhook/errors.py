"""The exceptions of Offhook; the expected is a value elsewhere.

OffhookError
├── ConfigError      settings cannot be used: exit code 2, carries P1xx findings
├── BadRequestError  a change was refused: HTTP 400/404/409, exit code 1
├── RenderError      a template could not make a valid file: fault P701 or P702
└── StoreError       the database cannot be opened, migrated or written
"""

from __future__ import annotations


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


class StoreError(OffhookError):
    """The database cannot be opened, migrated or written."""
