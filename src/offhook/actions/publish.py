"""Hand events to their listeners; none of them can fail the one who publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from offhook.core.events import Event

_log = logging.getLogger("offhook.events")

Listener = Callable[[Event], None]


@dataclass(slots=True)
class Events:
    """The list of listeners. Call `publish` only with what has certainly happened."""

    _listeners: list[Listener] = field(default_factory=list)
    _of_others: list[Listener] = field(default_factory=list)

    def subscribe(self, listener: Listener, *, hears_others: bool = False) -> Callable[[], None]:
        """Add a listener; gives the function that removes it, which may be called twice.

        With `hears_others` it is told as well what happened at another node on the same database:
        for pictures in memory, never for what is written, counted or sent once.
        """

        told = partial(listener)  # the same listener may be added twice

        def stop() -> None:
            for listeners in (self._listeners, self._of_others):
                if told in listeners:
                    listeners.remove(told)

        self._listeners.append(told)
        if hears_others:
            self._of_others.append(told)
        return stop

    def publish_elsewhere(self, event: Event) -> None:
        """Tell those who hear other nodes what happened at one of them."""
        _tell(self._of_others, event)

    def publish(self, event: Event) -> None:
        """Tell everybody, in order of subscription."""
        _tell(self._listeners, event)


def _tell(listeners: Iterable[Listener], event: Event) -> None:
    for listener in tuple(listeners):
        try:
            listener(event)
        except Exception:
            _log.exception("a listener failed on %s", type(event).__name__)
