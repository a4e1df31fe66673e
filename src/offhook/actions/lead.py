"""Whether this node leads: does what only one of several may do."""

from __future__ import annotations

import time
from collections.abc import Callable


class Lead:
    """Held until a moment of this process's own clock, which goes on while it is paused.

    A node that was stopped and goes on knows by itself that its time is over. Without other nodes
    it is held for ever.
    """

    def __init__(
        self, *, is_alone: bool = True, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._until_s = float("inf") if is_alone else float("-inf")

    @property
    def is_held(self) -> bool:
        """True while no other node can lead."""
        return self._monotonic() < self._until_s

    def hold(self, until_s: float) -> None:
        """Hold it until a moment; one of the past ends it."""
        self._until_s = until_s
