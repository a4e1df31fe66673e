"""What is not answered at a glance waits for its turn, strangers behind phones of ours."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

STRANGERS_MAX = 4096
"""So many strangers may wait, a few seconds long; more are turned away."""


TURN_S = 0.02
"""How long phones of ours are answered in a turn of the loop."""


@dataclass(slots=True, eq=False)
class Turns:
    """Phones of ours are answered for a while in each turn of the loop, else one stranger.

    A turn may be long, in a power cut by all the SIP that comes with it: one answer in each would
    leave most of the time to that.

    A stranger costs as much as a dozen phones that ask what they always ask: it is diagnosed, noted
    and told what to do. In one queue with them, whoever tries out MAC addresses would hold up a
    whole office.
    """

    # Used from the event loop only.
    _ours: deque[Callable[[], None]] = field(default_factory=deque)
    _strangers: deque[Callable[[], None]] = field(default_factory=deque)
    _is_due: bool = False

    @property
    def is_any_waiting(self) -> bool:
        """Tell whether somebody still has to be answered."""
        return bool(self._ours or self._strangers)

    @property
    def are_many_strangers(self) -> bool:
        """Tell whether no more of them can wait."""
        return len(self._strangers) >= STRANGERS_MAX

    def put(self, answer: Callable[[], None], *, is_stranger: bool) -> None:
        """Have something answered soon."""
        (self._strangers if is_stranger else self._ours).append(answer)
        self._go_on()

    def _go_on(self) -> None:
        if self.is_any_waiting and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        try:
            if self._ours:
                self._answer_ours()
            else:
                self._strangers.popleft()()
        finally:  # a defect in one answer, which the loop reports, does not keep the others waiting
            self._is_due = False
            self._go_on()

    def _answer_ours(self) -> None:
        ends_s = time.monotonic() + TURN_S
        while self._ours:
            self._ours.popleft()()
            if time.monotonic() >= ends_s:
                return
