"""One Kamailio node: connected, lost, found again. Told once each, not once a try."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from offhook.engines.kamailio_events import EventFields, EventLink
from offhook.engines.kamailio_location import Location, parse_dump
from offhook.engines.kamailio_rpc import RpcClient, split_address

_log = logging.getLogger("offhook.sip")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """Where a node is: phones know `sip`; `rpc` and `events` are ours. Each is `host:port`."""

    name: str
    sip: str
    rpc: str
    events: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long a node may take, in seconds: to connect, to answer, to list all it holds."""

    connect_s: float = 3.0
    answer_s: float = 5.0
    dump_s: float = 60.0
    ping_every_s: float = 5.0


class KamailioNode:
    """Keeps the event channel of a node open and knows what the node listens on.

    `on_ready` is called when its events flow; then the owner asks for what it holds, and tells
    with `confirm` or `fail` whether it got it. Only a confirmed node is up.
    """

    def __init__(
        self,
        address: NodeAddress,
        waits: Waits,
        *,
        on_event: Callable[[KamailioNode, EventFields], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.address = address
        self.rpc = RpcClient(*split_address(address.rpc))
        self.sockets: tuple[str, ...] = ()
        self.is_ready = False
        self.is_up = False
        self.problem = "not connected yet"
        self._events_at = split_address(address.events)
        self._waits = waits
        self._on_event = on_event
        self._on_ready = on_ready
        self._link: EventLink | None = None
        self._is_told_lost = False

    @property
    def name(self) -> str:
        """How people call it."""
        return self.address.name

    async def watch(self) -> None:
        """Connect, and connect again with growing pauses, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._listen()
            except (OSError, ValueError) as error:
                if self.is_up:
                    pause_s = FIRST_PAUSE_S
                self._note_lost(str(error) or "it does not answer in time")
            finally:
                self._drop_link()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def locations(self, now: Callable[[], datetime]) -> list[Location]:
        """List all contacts it holds. Raises OSError or ValueError."""
        answer = await self.rpc.call("ul.dump", timeout_s=self._waits.dump_s)
        return await asyncio.to_thread(self._parse, answer.body, answer.error, now())

    async def locations_of(self, extension: str, now: datetime) -> list[Location]:
        """List the contacts it holds of an extension. Raises OSError or ValueError."""
        answer = await self.rpc.call(
            "ul.lookup", "location", extension, timeout_s=self._waits.answer_s
        )
        if "not found" in answer.error.lower():
            return []
        return self._parse(answer.body, answer.error, now)

    async def remove(self, extension: str) -> None:
        """Forget all contacts of an extension. Raises OSError."""
        await self.rpc.call("ul.rm", "location", extension, timeout_s=self._waits.answer_s)

    async def has_sent(self, call_id: str) -> bool:
        """Say whether it sent a request of ours with this Call-ID. Raises OSError or ValueError."""
        answer = await self.rpc.call("htable.get", "told", call_id, timeout_s=self._waits.answer_s)
        if "exist" in answer.error:  # "Key name doesn't exist in htable."
            return False
        if answer.error:
            raise ValueError(answer.error)
        return True

    def confirm(self, held: int) -> None:
        """Note that it answers everything: it is up."""
        if not self.is_up:
            _log.info("Kamailio %s answers at %s: %d contacts", self.name, self.address.rpc, held)
        self.is_up, self._is_told_lost, self.problem = True, False, ""

    def fail(self, problem: str) -> None:
        """Note that it does not answer although its event channel is open."""
        self._note_lost(problem)
        self._drop_link(problem)

    def close(self) -> None:
        """End what waits for it."""
        self._drop_link()
        self.rpc.close()

    async def _listen(self) -> None:
        self._link = await EventLink.open(*self._events_at, self._waits.connect_s)
        await self._link.read(self._take, self._waits.ping_every_s)

    def _take(self, event: EventFields) -> None:
        if event.get("event") != "pong":
            self._on_event(self, event)
        elif not self.is_ready:
            self.is_ready = True
            self._on_ready()

    async def learn_sockets(self) -> None:
        """Ask what it listens on for phones. Raises OSError or ValueError."""
        answer = await self.rpc.call("core.sockets_list", timeout_s=self._waits.answer_s)
        if answer.error:
            raise ValueError(answer.error)
        listed = answer.result
        found = [item["socket"] for item in listed if isinstance(item, dict) and "socket" in item]
        texts = [f"{item['proto']}:{item['address']}:{item['port']}" for item in found]
        self.sockets = tuple(text for text in texts if text != f"tcp:{self.address.rpc}")

    def _parse(self, body: bytes, error: str, now: datetime) -> list[Location]:
        if error:
            raise ValueError(error)
        return parse_dump(body.decode("utf-8", "replace"), self.name, now)

    def _note_lost(self, problem: str) -> None:
        if not self._is_told_lost:
            _log.warning(
                "Kamailio %s cannot be reached (P409): %s; phones still get their files,"
                " and it is tried again",
                self.name,
                problem,
            )
        self.is_up, self._is_told_lost, self.problem = False, True, problem

    def _drop_link(self, why: str = "") -> None:
        link, self._link = self._link, None
        self.is_ready = self.is_up = False
        if link is not None:
            link.close(why)
