"""Known phones that ask for their files all the time: what others do to them is measured by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from offhook.simulator.conduct import jittered
from offhook.simulator.fleet_phone import FleetPhone
from offhook.tasks import spawn

EVERY_S = 0.5
PROBING = 20
"""Phones that ask: 40 requests a second, which measure and are no load."""


@asynccontextmanager
async def probing(phones: Sequence[FleetPhone], measure: str) -> AsyncIterator[None]:
    """Let some phones ask for their own file while a block lasts; times go to a measure."""
    tasks = [spawn(_ask_on(phone, measure), f"probe {measure}") for phone in phones[:PROBING]]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask_on(phone: FleetPhone, measure: str) -> None:
    while True:
        await asyncio.sleep(jittered(EVERY_S))
        await phone.probe(measure)
