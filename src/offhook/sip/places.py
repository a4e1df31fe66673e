"""Which extensions have a binding at a place: nearly always one, behind a gateway thousands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")


class Places(Generic[K]):
    """Extensions by place. One alone is kept as it is: a set of one takes 200 bytes more."""

    def __init__(self) -> None:
        self._aors: dict[K, str | set[str]] = {}

    def add(self, place: K, aor: str) -> None:
        """Note that an extension is at a place; noting it again changes nothing."""
        found = self._aors.setdefault(place, aor)
        if isinstance(found, set):
            found.add(aor)
        elif found != aor:
            self._aors[place] = {found, aor}

    def discard(self, place: K, aor: str) -> None:
        """Forget that an extension is at a place, if it is."""
        found = self._aors.get(place)
        if isinstance(found, set):
            found.discard(aor)
        if found in (aor, set()):
            del self._aors[place]

    def at(self, place: K) -> Iterator[str]:
        """Give the extensions at a place."""
        found = self._aors.get(place)
        if isinstance(found, set):
            yield from found
        elif found is not None:
            yield found
