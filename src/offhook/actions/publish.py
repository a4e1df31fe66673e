"""Hand events to their listeners; none of them can fail the one who publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.core.events import Event

_log = logging.getLogger("offhook.events")

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subscription:
    listener: Listener
    to: tuple[type, ...]
    hears_others: bool


@dataclass(slots=True)
class Events:
    """The list of listeners. Call `publish` only with what has certainly happened."""

    _subscriptions: list[_Subscription] = field(default_factory=list)
    _chosen: dict[tuple[type, bool], tuple[Listener, ...]] = field(default_factory=dict)

    def subscribe(
        self, listener: Listener, *to: type, hears_others: bool = False
    ) -> Callable[[], None]:
        """Add a listener, to some kinds of events or to all; gives the function that removes it.

        That may be called twice. With `hears_others` it is told as well what happened at another
        node on the same database: for pictures in memory, never for what is written, counted or
        sent once.
        """
        told = _Subscription(listener=listener, to=to, hears_others=hears_others)

        def stop() -> None:
            if told in self._subscriptions:
                self._subscriptions.remove(told)
                self._chosen.clear()

        self._subscriptions.append(told)
        self._chosen.clear()
        return stop

    def publish_elsewhere(self, event: Event) -> None:
        """Tell those who hear other nodes what happened at one of them."""
        self._tell(event, is_elsewhere=True)

    def publish(self, event: Event) -> None:
        """Tell everybody, in order of subscription."""
        self._tell(event, is_elsewhere=False)

    def _tell(self, event: Event, *, is_elsewhere: bool) -> None:
        key = type(event), is_elsewhere
        chosen = self._chosen.get(key)
        if chosen is None:
            chosen = self._chosen[key] = tuple(
                it.listener
                for it in self._subscriptions
                if (not it.to or key[0] in it.to) and (it.hears_others or not is_elsewhere)
            )
        for listener in chosen:
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed on %s", type(event).__name__)
