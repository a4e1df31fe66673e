"""Reboots that a person asks for: of one extension's phones, or of all that are registered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from offhook.actions.busy import WAITS_FOR_CALL
from offhook.actions.publish import Events
from offhook.actions.reboots import Reboots, Target
from offhook.actions.state import State
from offhook.core.events import Event, RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import Reboot, RebootStep
from offhook.core.orders import BY_PERSON
from offhook.errors import BadRequestError

SENT_WAIT_S = 2.0
ANSWER_WAIT_S = 1.0
_TARGETS_A_TURN = 50
_UNSENT = frozenset({RebootStep.PENDING})
_UNANSWERED = frozenset({RebootStep.PENDING, RebootStep.NOTIFIED})


@dataclass(slots=True)
class ManualReboots:
    """Orders NOTIFYs and waits a moment, so that the answer can tell what came of them."""

    state: State
    reboots: Reboots
    events: Events

    async def reboot_extension(
        self, actor: str, number: str, *, is_forced: bool = False
    ) -> list[Reboot]:
        """Reboot every phone of an extension. 404 when unknown, 409 when none is registered.

        A phone in a call is told when it has hung up; forced, at once.
        """
        if number not in self.state.extensions:
            raise BadRequestError(
                "unknown_extension",
                f"extension {number[:32]} does not exist",
                "list them with GET /api/extensions",
                status=404,
            )
        targets = self.reboots.targets_of_extension(number)
        if not targets:
            raise BadRequestError(
                "P401",
                f"no phone is registered for extension {number}; nothing was sent",
                "the phone fetches its configuration at its next boot; see why it is not "
                "registered with GET /api/provisioning/diagnostics",
                status=409,
            )
        return await self._order(actor, targets, answer_wait_s=ANSWER_WAIT_S, is_forced=is_forced)

    async def tell_phones(
        self, actor: str, macs: Iterable[Mac], *, is_restart: bool, is_forced: bool = False
    ) -> list[Reboot]:
        """Tell the registered ones of some devices to restart, or only to fetch again; paced."""
        targets: list[Target] = []
        for turn, mac in enumerate(macs):
            device = self.state.devices.get(mac)
            targets += self.reboots.targets_of(device) if device else []
            if turn % _TARGETS_A_TURN == 0:
                await asyncio.sleep(0)
        wait_s = ANSWER_WAIT_S if len(targets) == 1 else 0.0
        return await self._order(
            actor, targets, answer_wait_s=wait_s, is_forced=is_forced, is_restart=is_restart
        )

    async def reboot_all(self, actor: str, numbers: Iterable[str]) -> list[Reboot]:
        """Reboot the registered phones of these extensions, paced; the last go out later."""
        targets: list[Target] = []
        for turn, number in enumerate(sorted(set(numbers))):
            targets += self.reboots.targets_of_extension(number)
            if turn % _TARGETS_A_TURN == 0:
                await asyncio.sleep(0)
        return await self._order(actor, targets, answer_wait_s=0.0)

    async def _order(
        self,
        actor: str,
        targets: list[Target],
        *,
        answer_wait_s: float,
        is_forced: bool = False,
        is_restart: bool = True,
    ) -> list[Reboot]:
        with _Follower(self.events) as follower:
            ordered: list[Reboot] = []
            for begin in range(0, len(targets), _TARGETS_A_TURN):
                ordered += self.reboots.order(
                    targets[begin : begin + _TARGETS_A_TURN],
                    reason=BY_PERSON,
                    asked_by=actor,
                    is_automatic=False,
                    is_forced=is_forced,
                    is_restart=is_restart,
                )
                await asyncio.sleep(0)
            await follower.wait_past(ordered, _UNSENT, SENT_WAIT_S)
            await self.reboots.saved(SENT_WAIT_S)
            if answer_wait_s:
                await follower.wait_past(ordered, _UNANSWERED, answer_wait_s)
            return follower.newest(ordered)


@dataclass(slots=True)
class _Follower:
    """Keeps the newest record of each reboot while it is entered."""

    events: Events
    _seen: dict[str, Reboot] = field(default_factory=dict)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _unsubscribe: Callable[[], None] | None = None

    def __enter__(self) -> _Follower:
        self._unsubscribe = self.events.subscribe(self._on_event, hears_others=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()

    def newest(self, reboots: list[Reboot]) -> list[Reboot]:
        return [self._seen.get(item.id, item) for item in reboots]

    async def wait_past(
        self, reboots: list[Reboot], steps: frozenset[RebootStep], timeout_s: float
    ) -> None:
        """Return when none is at one of the steps any more or held by a call, or after the time."""
        try:
            async with asyncio.timeout(timeout_s):
                while any(_is_at(item, steps) for item in self.newest(reboots)):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    def _on_event(self, event: Event) -> None:
        if isinstance(event, RebootAdvanced):
            self._seen[event.reboot.id] = event.reboot
            self._moved.set()


def _is_at(reboot: Reboot, steps: frozenset[RebootStep]) -> bool:
    return reboot.step in steps and reboot.detail != WAITS_FOR_CALL
