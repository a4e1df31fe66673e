"""Programs a row needs; one that is not there is told, never passed over."""

from __future__ import annotations

import shutil


class MissingError(Exception):
    """A row cannot be measured for want of something that can be installed."""

    def __init__(self, what: str, packages: str, detail: str = "") -> None:
        super().__init__(f"{what} is missing: apt install {packages}")
        self.detail = detail


def needed(program: str, packages: str) -> str:
    """Give the path of a program. Raises MissingError."""
    found = shutil.which(program)
    if found is None:
        raise MissingError(program, packages)
    return found
