"""Requests that came again alike: what follows from them is done for some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.actions.ports import Publish
from offhook.core.events import AttemptsRepeated
from offhook.core.model import Again

GATHER_S = 0.02
AT_ONCE = 256
"""Told together at most, so that the loop is not held up."""


@dataclass(slots=True)
class Repeats:
    """Gathers them for a moment. Used from the event loop only.

    `see` is told the last one of each phone, then everybody is told of all.
    """

    see: Callable[[Again], None]
    publish: Publish
    _gathered: list[Again] = field(default_factory=list)

    def add(self, again: Again) -> None:
        """Tell of it soon."""
        self._gathered.append(again)
        if len(self._gathered) == 1:
            asyncio.get_running_loop().call_later(GATHER_S, self.tell)
        elif len(self._gathered) >= AT_ONCE:
            self.tell()

    def tell(self) -> None:
        """Tell of all that were gathered."""
        if self._gathered:
            repeats, self._gathered = tuple(self._gathered), []
            for again in {it.first.mac: it for it in repeats}.values():
                self.see(again)
            self.publish(AttemptsRepeated(repeats=repeats))
