"""One run of a source at a time, whichever node it runs at; the others see how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from offhook.errors import BadRequestError, StoreError
from offhook.tasks import spawn

LEASE_S = 6.0
RENEWED_S = 1.0
MARGIN_S = 0.5


class LeaseStore(Protocol):
    """What one node at a time does, by name; only where there can be several."""

    async def take(self, name: str, seconds: float, detail: Mapping[str, object] | None) -> bool:
        """Take or renew; False while another node holds it."""
        ...

    async def give_up(self, name: str) -> None:
        """End it at once, if it is ours."""
        ...

    async def holder(self, name: str) -> tuple[str, Mapping[str, object] | None]:
        """The node that holds it now, and what it tells; empty when nobody does."""
        ...


@dataclass(slots=True, kw_only=True)
class Running:
    """The run of the moment: what it is doing, and how far it is."""

    id: str
    doing: str = "starting"
    count: int = 0
    total: int = 0

    def note(self, doing: str, count: int) -> None:
        """Progress of the source."""
        self.doing, self.count = doing, count

    @property
    def told(self) -> dict[str, object]:
        """As other nodes read it."""
        return {"id": self.id, "doing": self.doing, "count": self.count, "total": self.total}


class SyncTurn:
    """Whose turn it is to run a source: this process's, and with other nodes this node's."""

    def __init__(
        self,
        name: str,
        leases: LeaseStore | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.running: Running | None = None
        self._name = name
        self._leases = leases
        self._monotonic = monotonic
        self._until_s = float("inf")

    @contextlib.asynccontextmanager
    async def taken(self, running: Running) -> AsyncIterator[None]:
        """Run meanwhile. 409 when a run is under way; raises StoreError."""
        if self.running is not None:
            raise _busy(self.running.id)
        self.running = running
        try:
            if self._leases is None:
                yield
            else:
                async with self._leased(self._leases, running):
                    yield
        finally:
            self.running = None

    async def running_anywhere(self) -> Running | None:
        """The run of the moment, at whatever node. Raises StoreError."""
        if self.running is not None or self._leases is None:
            return self.running
        holder, told = await self._leases.holder(self._name)
        return _read(told) if holder else None

    def check(self) -> None:
        """Raise BadRequestError when the turn was lost: this process stood still for too long."""
        if self._monotonic() >= self._until_s:
            raise BadRequestError(
                "turn_lost", "this node stood still, and another may run meanwhile", "run it again"
            )

    @contextlib.asynccontextmanager
    async def _leased(self, leases: LeaseStore, running: Running) -> AsyncIterator[None]:
        if not await self._renewed(leases, running):
            other = _read((await leases.holder(self._name))[1])
            raise _busy(f"{other.id} at another node")
        renewing = spawn(self._renew_often(leases, running), f"renew {self._name}")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            self._until_s = float("inf")
            with contextlib.suppress(StoreError):  # then it ends by itself
                await leases.give_up(self._name)

    async def _renew_often(self, leases: LeaseStore, running: Running) -> None:
        while True:
            await asyncio.sleep(RENEWED_S)
            with contextlib.suppress(StoreError):
                await self._renewed(leases, running)

    async def _renewed(self, leases: LeaseStore, running: Running) -> bool:
        began_s = self._monotonic()
        is_ours = await leases.take(self._name, LEASE_S, running.told)
        self._until_s = began_s + LEASE_S - MARGIN_S if is_ours else float("-inf")
        return is_ours


def _busy(run_id: str) -> BadRequestError:
    return BadRequestError(
        "sync_running",
        f"a synchronisation is running: {run_id}",
        "wait for it; GET /api/integrations/ad/status (or file/status) tells how far it is",
        status=409,
    )


def _read(told: Mapping[str, object] | None) -> Running:
    values = told or {}
    return Running(
        id=str(values.get("id", "")),
        doing=str(values.get("doing", "")),
        count=int(str(values.get("count", 0))),
        total=int(str(values.get("total", 0))),
    )
