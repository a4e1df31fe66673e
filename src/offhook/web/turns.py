"""What is not answered at a glance waits for its turn, strangers behind phones of ours."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

STRANGERS_MAX = 4096
"""So many strangers may wait, a few seconds long; more are turned away."""


@dataclass(slots=True, eq=False)
class Turns:
    """One of those that wait is answered in a turn of the loop; all that is quick goes before it.

    A stranger costs as much as a dozen phones that ask what they always ask: it is diagnosed, noted
    and told what to do. In one queue with them, whoever tries out MAC addresses would hold up a
    whole office.
    """

    # Used from the event loop only.
    _ours: deque[Callable[[], None]] = field(default_factory=deque)
    _strangers: deque[Callable[[], None]] = field(default_factory=deque)

    @property
    def is_any_waiting(self) -> bool:
        """Tell whether somebody still has to be answered."""
        return bool(self._ours or self._strangers)

    @property
    def are_many_strangers(self) -> bool:
        """Tell whether no more of them can wait."""
        return len(self._strangers) >= STRANGERS_MAX

    def put(self, answer: Callable[[], None], *, is_stranger: bool) -> None:
        """Have something answered soon. `answer` must not raise."""
        if not self.is_any_waiting:
            asyncio.get_running_loop().call_soon(self._next)
        (self._strangers if is_stranger else self._ours).append(answer)

    def _next(self) -> None:
        answer = (self._ours or self._strangers).popleft()
        if self.is_any_waiting:
            asyncio.get_running_loop().call_soon(self._next)
        answer()
