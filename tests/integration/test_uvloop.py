"""On uvloop, which `offhook serve` takes where it is installed, the engine does the same."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from offhook.engines.calling import Calling
from offhook.sip.flow import Outbound
from offhook.sip.forking import Failure
from tests.integration.engine_room import Room, running
from tests.integration.stream_phone import stream_phone

uvloop = pytest.importorskip("uvloop")


class Due:
    """A proxy whose next moment has passed, as after a pause of the machine."""

    wake_at = 0.0

    def take_failures(self) -> list[Failure]:
        return []

    def on_time(self, now: float) -> tuple[Outbound, ...]:
        self.wake_at = None  # type: ignore[assignment] # nothing is due any more
        return ()


def test_a_moment_that_has_passed_is_planned_more_than_once() -> None:
    async def plan() -> None:
        told: list[None] = []
        calling = Calling(
            proxy=Due(),  # type: ignore[arg-type] # as much of a proxy as planning takes
            tcp=None,  # type: ignore[arg-type] # nothing is sent
            udp=lambda: None,
            now=Room().now,
            on_carried=lambda: told.append(None),
        )
        calling.carry(())
        calling.carry(())
        assert len(told) == 2
        calling.stop()

    run(plan())


def test_a_phone_on_a_stream_registers() -> None:
    async def register() -> None:
        async with running(Room().engine()) as engine, stream_phone(engine.port) as phone:
            assert await phone.register("1001") == 200
            assert await phone.register("1001") == 200
            assert "failed" not in engine.health().counters

    run(register())


def run(work: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
