"""Hand events to their listeners; none of them can fail the one who publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from offhook.core.events import Event

_log = logging.getLogger("offhook.events")

Listener = Callable[[Event], None]


@dataclass(slots=True)
class Events:
    """The list of listeners. Call `publish` only with what has certainly happened."""

    _listeners: list[Listener] = field(default_factory=list)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; gives the function that removes it, which may be called twice."""

        told = partial(listener)  # the same listener may be added twice

        def stop() -> None:
            if told in self._listeners:
                self._listeners.remove(told)

        self._listeners.append(told)
        return stop

    def publish(self, event: Event) -> None:
        """Tell everybody, in order of subscription."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed on %s", type(event).__name__)
