"""How much one extension has begun and nobody has answered yet, so that one phone cannot flood."""

from __future__ import annotations

# More than a reception desk, an analogue adapter or a paging key has ringing at one time; a
# phone gone wild meets it within a second.
MAX_OPEN_OF_ONE = 32
# What we ask it to wait then, in seconds.
RETRY_AFTER_S = 5


class Openings:
    """Requests by extension that have no final answer."""

    def __init__(self, *, limit: int = MAX_OPEN_OF_ONE) -> None:
        self._limit = limit
        self._open: dict[str, set[str]] = {}
        self._extension_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._extension_of)

    def has_room(self, extension: str) -> bool:
        """Say whether an extension may begin one more."""
        return len(self._open.get(extension, ())) < self._limit

    def add(self, extension: str, key: str) -> None:
        """Note a request by its transaction's key."""
        self._open.setdefault(extension, set()).add(key)
        self._extension_of[key] = extension

    def close(self, key: str) -> None:
        """Note that a request has its answer."""
        extension = self._extension_of.pop(key, None)
        if extension is None:
            return
        self._open[extension].discard(key)
        if not self._open[extension]:
            del self._open[extension]
