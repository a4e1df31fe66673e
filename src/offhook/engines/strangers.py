"""What strangers may cost us: messages, log lines, refusals; never a known phone's room."""

from __future__ import annotations

import logging
from collections.abc import Callable

from offhook.engines.phones import shown
from offhook.sip.bindings import BindingTable, Source
from offhook.sip.limits import network_of

_log = logging.getLogger("offhook.sip")

LINE_EVERY_S = 10.0
_CAPACITY = 4096
# A REGISTER and its answer to the challenge from each of 2,500 phones behind one address after a
# power cut; at the steady rate a flood costs less than a quarter of one core.
BURST = 5000
A_SECOND = 1000.0


class Allowance:
    """How many messages a network may send: a burst at once, then so many a second.

    The source of a live registration is always heard. A phone's datagram that is dropped comes
    again after half a second (RFC 3261 §17.1.2.2). At most 4096 networks are remembered; the one
    heard longest ago is forgotten first: spoofed ones are as cheap to forget as to invent.
    """

    def __init__(
        self,
        table: BindingTable,
        clock: Callable[[], float],
        *,
        burst: int = BURST,
        a_second: float = A_SECOND,
    ) -> None:
        self.refused = 0
        self._table = table
        self._clock = clock
        self._a_second = a_second
        self._slack_s = (burst - 0.5) / a_second
        self._busy_until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._busy_until)

    def is_spent(self, source: Source) -> bool:
        """Count one message; True when it is one too many and not to be listened to."""
        network, now = network_of(source.host), self._clock()
        busy_until = max(self._busy_until.pop(network, now), now)
        is_over = busy_until - now > self._slack_s
        self._busy_until[network] = busy_until if is_over else busy_until + 1 / self._a_second
        if len(self._busy_until) > _CAPACITY:
            del self._busy_until[next(iter(self._busy_until))]
        if not is_over or self._table.owners(str(source)):
            return False
        self.refused += 1
        return True


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


class KnownHosts:
    """The addresses that registered phones came from, looked up at most once a second."""

    def __init__(self, table: BindingTable, clock: Callable[[], float]) -> None:
        self._table = table
        self._clock = clock
        self._stale_at = float("-inf")
        self._hosts: frozenset[str] = frozenset()

    def has(self, host: str) -> bool:
        """Say whether a phone is registered from there."""
        now = self._clock()
        if now >= self._stale_at:
            self._stale_at = now + 1.0
            self._hosts = frozenset(_host_of(binding.source) for binding in self._table.all())
        return host in self._hosts


def _host_of(source: str) -> str:
    _, _, place = source.partition(":")
    return place.rpartition(":")[0].strip("[]")
