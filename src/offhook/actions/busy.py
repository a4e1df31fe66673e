"""Phones in a call: no order wakes them before they have hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from offhook.actions.ports import SipEngine
from offhook.actions.targets import Targets
from offhook.core.model import LiveCall, Reboot, RebootStep, Registration

WAITS_FOR_CALL = "waiting for the end of its call"
"""What the record of a postponed reboot says."""


class Busy:
    """The phones in a call at one moment, by extension and address.

    While nobody has answered, and when an engine knows no address, all phones of an extension
    count: that errs on the side of waiting.
    """

    def __init__(self, calls: Iterable[LiveCall]) -> None:
        self._hosts: dict[str, set[str]] = {}
        for call in calls:
            self._hosts.setdefault(call.caller, set()).add(_host(call.caller_at))
            self._hosts.setdefault(call.callee, set()).add(_host(call.callee_at))

    def has(self, registration: Registration) -> bool:
        """Say whether a registered phone is in a call.

        By host, not port: some phones send from another port than they listen on.
        """
        hosts = self._hosts.get(registration.extension, ())
        return "" in hosts or _host(registration.source) in hosts


@dataclass(slots=True)
class Waiting:
    """Holds reboots back while their phones talk; `sweep` lets go those that have hung up."""

    targets: Targets
    engine: SipEngine
    _held: dict[str, tuple[Reboot, Registration, asyncio.Future[None]]] = field(
        default_factory=dict
    )
    _forced: set[str] = field(default_factory=set)

    async def has_waited(
        self, reboot: Reboot, registration: Registration, on_wait: Callable[[], None]
    ) -> bool:
        """Wait while the phone is in a call; False when it was free at once, or is forced."""
        if reboot.id in self._forced or not self._is_busy(reboot, registration, self._now()):
            return False
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held[reboot.id] = reboot, registration, free
        try:
            on_wait()
            await free
        finally:
            del self._held[reboot.id]
        return True

    def force(self, reboots: Iterable[Reboot]) -> None:
        """Let those that are not sent yet go, whatever their phones do."""
        for reboot in reboots:
            if reboot.step is RebootStep.PENDING:
                self._forced.add(reboot.id)
            if reboot.id in self._held:
                _let_go(self._held[reboot.id][2])

    def forget(self, reboot: Reboot) -> None:
        """Keep nothing of a reboot that was sent."""
        self._forced.discard(reboot.id)

    def sweep(self) -> None:
        """Let go what has hung up. Call about once a second."""
        if not self._held:
            return
        busy = self._now()
        for reboot, registration, free in tuple(self._held.values()):
            if not self._is_busy(reboot, registration, busy):
                _let_go(free)

    def _now(self) -> Busy:
        return Busy(self.engine.calls())

    def _is_busy(self, reboot: Reboot, registration: Registration, busy: Busy) -> bool:
        """Look at all lines of the phone: a call on any of them would be cut off."""
        return any(busy.has(item) for item in self.targets.of_phone(reboot, registration))


def _let_go(free: asyncio.Future[None]) -> None:
    if not free.done():
        free.set_result(None)


def _host(place: str) -> str:
    return place.partition(":")[2].rpartition(":")[0]
