"""What is counted while running: requests, registering, reboots, and how long things took."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter, OrderedDict

from offhook.core.events import (
    AttemptRecorded,
    AttemptsRepeated,
    CallFailed,
    Changed,
    Event,
    PhoneRegistered,
    PhoneUnregistered,
    RebootAdvanced,
    RegisterHeard,
    RegistrationRefused,
    SubscriptionLost,
)
from offhook.core.model import Reboot, RebootStep

LAG_EVERY_S = 1.0
REBOOTS_KEPT = 100_000
"""Reboots whose last counted step is remembered, so that no step counts twice."""

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)
_PHONES = (0.0, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 1000.0, 10_000.0, 100_000.0)


class Histogram:
    """Counts values by upper bounds, as Prometheus wants them; `counts` are not cumulative."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Measures:
    """Counters of this run, kept by listening to events; every key is from a closed set."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, ...]] = Counter()
        self.registers: Counter[str] = Counter()
        self.bindings: Counter[str] = Counter()
        self.refused_registers: Counter[str] = Counter()
        self.reboots: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.failed_calls = 0
        self.lost_subscriptions = 0
        self.fetch_s = Histogram(_SECONDS)
        self.render_s = Histogram(_SECONDS)
        self.lag_s = Histogram(_SECONDS)
        self.converged = Histogram(_PHONES)
        self._steps: OrderedDict[str, RebootStep] = OrderedDict()
        self._pending: set[str] = set()

    @property
    def pending_reboots(self) -> int:
        """How many reboots wait to be sent."""
        return len(self._pending)

    def on_event(self, event: Event) -> None:
        """Listen. An attempt of a person's test is no request of a phone."""
        match event:
            case AttemptRecorded() | AttemptsRepeated():
                self._see_attempts(event)
            case RebootAdvanced(reboot=reboot):
                self._see_reboot(reboot)
            case Changed(change=change):
                self.changes[change.noun] += 1
            case CallFailed():
                self.failed_calls += 1
            case SubscriptionLost():
                self.lost_subscriptions += 1
            case _:
                self._see_registering(event)

    def _see_attempts(self, event: AttemptRecorded | AttemptsRepeated) -> None:
        if isinstance(event, AttemptsRepeated):
            self.requests.update([(it.first.kind, "") for it in event.repeats])
        elif not event.attempt.is_test:
            self.requests[event.attempt.kind, event.attempt.fault] += 1

    def _see_registering(self, event: Event) -> None:
        match event:
            case PhoneRegistered(is_new=is_new):
                self.bindings["made" if is_new else "refreshed"] += 1
            case PhoneUnregistered(reason=reason):
                self.bindings[reason] += 1
            case RegisterHeard(note=note):
                self.registers[note.outcome] += 1
            case RegistrationRefused(reason=reason):
                self.refused_registers[reason] += 1
            case _:
                pass

    def _see_reboot(self, reboot: Reboot) -> None:
        """Count each step once: a record is told again when its answer or detail is noted."""
        if self._steps.get(reboot.id) is reboot.step:
            return
        self.reboots[reboot.step] += 1
        self._steps[reboot.id] = reboot.step
        if len(self._steps) > REBOOTS_KEPT:
            self._steps.popitem(last=False)
        if reboot.step is RebootStep.PENDING:
            self._pending.add(reboot.id)
        else:
            self._pending.discard(reboot.id)

    async def probe_lag(self) -> None:
        """Measure without end how much later than asked the event loop comes back."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.lag_s.observe(max(loop.time() - due_s, 0.0))
