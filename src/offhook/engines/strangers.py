"""What strangers may cost us: one log line in ten seconds, one refusal told in a minute."""

from __future__ import annotations

import logging

from offhook.engines.phones import shown

_log = logging.getLogger("offhook.sip")

LINE_EVERY_S = 10.0
TOLD_EVERY_S = 60.0
_CAPACITY = 4096


class JunkLog:
    """Logs malformed packets: the first at once, then one line per ten seconds with the count."""

    def __init__(self) -> None:
        self._silent_until = float("-inf")
        self._untold = 0

    def note(self, source: str, reason: str, now: float) -> None:
        """Count one packet and log it when a line is due."""
        if now < self._silent_until:
            self._untold += 1
            return
        self._silent_until = now + LINE_EVERY_S
        _log.warning(
            "malformed SIP packet from %s: %s (%d more since the last such line)",
            source,
            shown(reason),
            self._untold,
        )
        self._untold = 0


class OncePerMinute:
    """Lets each key pass once a minute; remembers at most 4096 keys, the oldest is forgotten."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def is_due(self, key: str, now: float) -> bool:
        """Say whether the key may pass now, and start its minute."""
        if self._until.get(key, float("-inf")) > now:
            return False
        self._until.pop(key, None)
        self._until[key] = now + TOLD_EVERY_S
        if len(self._until) > _CAPACITY:
            del self._until[next(iter(self._until))]
        return True
