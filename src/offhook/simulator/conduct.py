"""What all phones of a fleet share: who they are, how they behave, where they note what they do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from offhook.core.mac import Mac
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.exchange import Address
from offhook.simulator.http_link import Place
from offhook.simulator.reading import Reader
from offhook.simulator.record import Record


class Stage(StrEnum):
    """How far a phone is."""

    OFF = "off"
    FETCHING = "fetching"
    REGISTERING = "registering"
    UP = "up"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSpec:
    """A phone to play. `name` is the display name its file must show; empty for any."""

    profile: VendorProfile
    model: Model
    mac: Mac
    number: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How all phones of a fleet behave.

    A boot is given up `patience_s` after it began. `speed` compresses the time between
    registrations and between looks for new files; `refetch_every_s` is the latter, 0 for never.
    `connections` is `maker`, `close` or `keep-alive`. `restart_s` is how long a restart takes.
    """

    fetch_timeout_s: float = 10.0
    patience_s: float = 120.0
    restart_s: float = 0.0
    expires_s: int = 3600
    speed: float = 1.0
    refetch_every_s: float = 0.0
    connections: str = "maker"


@dataclass(slots=True, kw_only=True)
class Ground:
    """What all phones of a fleet share. `on_stage` is told which stage one left for which."""

    place: Place
    conduct: Conduct
    record: Record
    reader: Reader
    find: Callable[[str, int], Awaitable[Address]]
    spawn: Callable[[Coroutine[Any, Any, None], str], object]
    on_stage: Callable[[Stage, Stage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a phone tries: until a moment of the loop's clock."""

    record: Record
    label: str
    until: float

    async def lets_try_again(self, kind: str, detail: str, pause_s: float) -> bool:
        """Wait before another try; False, and the failure noted, when patience is at its end."""
        if asyncio.get_running_loop().time() + pause_s > self.until:
            self.record.fail(kind, self.label, detail)
            return False
        self.record.retry(kind, self.label, detail)
        await asyncio.sleep(pause_s)
        return True


def jittered(seconds: float, least: float = 0.5) -> float:
    """A random part of a time, so that phones that failed together do not come back together."""
    return seconds * random.uniform(least, 1.0)  # noqa: S311 - spreads tries, guards nothing
