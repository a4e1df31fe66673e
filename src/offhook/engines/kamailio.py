"""The SIP engine that is Kamailio: one or several nodes register phones, we follow and order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from offhook.actions.ports import (
    Clock,
    EngineHealth,
    EnginePart,
    NotifyKind,
    NotifyOrder,
    NotifyOutcome,
    Publish,
)
from offhook.core.events import PhoneRegistered, PhoneUnregistered
from offhook.core.model import LiveCall, Registration
from offhook.core.orders import NO_TARGET
from offhook.engines.kamailio_calls import CallBook
from offhook.engines.kamailio_credentials import KamailioCredentials
from offhook.engines.kamailio_events import EventFields
from offhook.engines.kamailio_location import Location, contact_of, location_of
from offhook.engines.kamailio_node import KamailioNode, NodeAddress, Waits
from offhook.engines.kamailio_notify import Once, failed, run_order
from offhook.engines.kamailio_refusals import Refusals
from offhook.engines.kamailio_rpc import split_address
from offhook.engines.kamailio_table import Bound, Effect, LocationTable, united
from offhook.sip.notifier import Local
from offhook.tasks import spawn

_log = logging.getLogger("offhook.sip")

TICK_S = 1.0
RECONCILE_S = 300.0
"""All nodes are asked for everything that often, in case an event was lost."""
_MERGED_AT_ONCE = 200


class KamailioEngine:
    """Implements `SipEngine`. A node that is away is no failure: `health` and P409 tell it.

    `credentials` keeps the table that the nodes read secrets from; it starts and stops with us.
    """

    def __init__(
        self,
        nodes: Sequence[NodeAddress],
        *,
        credentials: KamailioCredentials,
        publish: Publish,
        now: Clock,
        waits: Waits | None = None,
        reconcile_s: float = RECONCILE_S,
    ) -> None:
        self._publish = publish
        self._now = now
        self._waits = waits or Waits()
        self._reconcile_every_s = reconcile_s
        self._credentials = credentials
        self._nodes = [
            KamailioNode(address, self._waits, on_event=self._on_event, on_ready=self._on_ready)
            for address in nodes
        ]
        self._table = LocationTable()
        self._calls = CallBook(now)
        self._refusals = Refusals(publish, now)
        self._counters: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._lookups: dict[str, None] = {}
        self._wanted = asyncio.Event()
        self._reconciled = asyncio.Event()
        self._is_filled = False
        self._is_stopped = False

    async def start(self) -> None:
        """Begin to connect to every node. Waits shortly for them; never fails."""
        await self._credentials.start()
        for node in self._nodes:
            self._tasks.append(spawn(node.watch(), f"watch Kamailio {node.name}"))
        self._tasks.append(spawn(self._reconcile_often(), "reconcile with Kamailio"))
        self._tasks.append(spawn(self._tick_often(), "sweep Kamailio's registrations"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits.connect_s):
                await self._reconciled.wait()

    async def stop(self) -> None:
        """Disconnect; idempotent. Kamailio goes on serving its phones."""
        self._is_stopped = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for node in self._nodes:
            node.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._credentials.stop()

    def health(self) -> EngineHealth:
        """Give the nodes, what they listen on, and counters."""
        up = [node for node in self._nodes if node.is_up]
        parts = [
            EnginePart(name=f"Kamailio {node.name}", is_up=node.is_up, problem=node.problem)
            for node in self._nodes
        ]
        if problem := self._credentials.problem:
            parts.append(EnginePart(name="Kamailio's database", is_up=False, problem=problem))
        counters = dict(self._counters)
        counters["registrations"] = len(self._table)
        counters["calls"] = len(self._calls.calls())
        counters["nodes"], counters["nodes_up"] = len(self._nodes), len(up)
        return EngineHealth(
            is_up=bool(up),
            listening=tuple(dict.fromkeys(text for node in up for text in node.sockets)),
            counters=counters,
            parts=tuple(parts),
        )

    def registrations(self, extension: str | None = None) -> tuple[Registration, ...]:
        """The live bindings now, of one extension or of all."""
        now = self._now()
        found = self._table.all() if extension is None else self._table.of(extension)
        live = (item.registration for item in found)
        return tuple(item for item in live if item.expires_at > now)

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls that ring or are talked on now; ringing ones are seen within two seconds."""
        return self._calls.calls()

    async def notify(self, order: NotifyOrder, on_sent: Callable[[], None]) -> NotifyOutcome:
        """Have the node that owns the phone's socket send a NOTIFY to a live registration.

        `on_sent` is called when Kamailio has the order: when its bytes leave, it does not tell.
        """
        wanted = order.registration
        location = self._table.find(wanted.extension, wanted.contact)
        if location is None or location.registration.expires_at <= self._now():
            return failed(NO_TARGET)
        self._counters["notifies"] += 1
        outcome = await self._notify(order, location, Once(on_sent))
        self._counters[f"notify_{outcome.kind.value}"] += 1
        return outcome

    async def has_left(self, call_id: str) -> bool | None:
        """Ask every node whether it sent such a NOTIFY; None when one that might know is away."""
        told = await asyncio.gather(
            *(node.has_sent(call_id) for node in self._nodes), return_exceptions=True
        )
        if True in told:
            return True
        return False if all(item is False for item in told) else None

    async def remove(self, extension: str) -> int:
        """Drop all bindings of an extension at every node; gives how many."""
        results = await asyncio.gather(
            *(node.remove(extension) for node in self._nodes if node.is_up), return_exceptions=True
        )
        for error in results:
            if isinstance(error, OSError):
                _log.warning("Kamailio could not drop %s: %s", extension, error)
        gone = [self._table.drop(item, "removed") for item in self._table.of(extension)]
        self._tell(gone)
        return len(gone)

    # --- NOTIFY --------------------------------------------------------------------------------

    async def _notify(self, order: NotifyOrder, location: Location, on_sent: Once) -> NotifyOutcome:
        problem = "no Kamailio node answers"
        for node in self._ways(location):
            is_owner = location.socket in node.sockets
            host, port = split_address(node.address.sip)
            transport = location.registration.source.partition(":")[0].upper()
            try:
                return await run_order(
                    order,
                    location,
                    Local(host=host, port=port, transport=transport),
                    node.rpc,
                    socket=location.socket if is_owner else "",
                    on_sent=on_sent,
                )
            except TimeoutError:
                if on_sent.is_told:
                    return NotifyOutcome(kind=NotifyKind.UNANSWERED)
                problem = f"Kamailio {node.name} does not answer"
            except OSError as error:
                problem = f"Kamailio {node.name}: {error}"
            except ValueError as error:
                return failed(str(error))
            if on_sent.is_told or self._is_stopped:
                break  # it may have left already: twice would be a second reboot
        return failed(problem)

    def _ways(self, location: Location) -> list[KamailioNode]:
        """The nodes to try: the one with the phone's socket, then the others that are up."""
        up = [node for node in self._nodes if node.is_up]
        return sorted(up, key=lambda node: node.name != location.node)

    # --- what the nodes tell -------------------------------------------------------------------

    def _on_ready(self) -> None:
        self._wanted.set()
        self._credentials.mark_all()

    def _on_event(self, node: KamailioNode, event: EventFields) -> None:
        self._counters["events"] += 1
        match event.get("event"):
            case "registered" | "refreshed":
                location = location_of(event, node.name, self._now())
                self._tell_put(location) if location else self._look_up(event)
            case "unregistered":
                self._on_gone(event, "removed")
            case "expired":
                self._on_gone(event, "expired")
            case "auth-failed":
                self._counters[f"refused_{event.get('reason')}"] += 1
                self._refusals.on_event(event)
            case "call-began" | "call-ended" | "call-failed":
                self._calls.is_stale = True

    def _tell_put(self, location: Location) -> None:
        effect = self._table.put(location)
        if effect is not None:
            self._tell((effect,))

    def _on_gone(self, event: EventFields, reason: str) -> None:
        contact = contact_of(event)
        found = self._table.find(str(event.get("aor", "")), contact) if contact else None
        if found is None:
            self._look_up(event)
        elif reason == "removed" or found.registration.call_id == event.get("callid"):
            self._tell((self._table.drop(found, reason),))

    def _look_up(self, event: EventFields) -> None:
        """Ask what an event that tells too little has changed: several contacts, or `*`."""
        extension = event.get("aor")
        if isinstance(extension, str) and extension:
            self._lookups[extension] = None
            self._wanted.set()

    def _tell(self, effects: Iterable[Effect]) -> None:
        at = self._now()
        for effect in effects:
            if isinstance(effect, Bound):
                event: PhoneRegistered | PhoneUnregistered = PhoneRegistered(
                    registration=effect.registration,
                    is_new=effect.is_new,
                    was_rebooted=effect.was_rebooted,
                    at=at,
                )
            else:
                event = PhoneUnregistered(
                    registration=effect.registration, reason=effect.reason, at=at
                )
            self._publish(event)

    # --- reconcile -----------------------------------------------------------------------------

    async def _tick_often(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._tell(self._table.expire(self._now()))
                await self._calls.refresh([node.rpc for node in self._nodes if node.is_up])
            except Exception:
                _log.exception("sweep of Kamailio's registrations failed")

    async def _reconcile_often(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._reconcile_every_s):
                    await self._wanted.wait()
            self._wanted.clear()
            lookups, self._lookups = self._lookups, {}
            try:
                if lookups and all(node.is_up for node in self._nodes if node.is_ready):
                    for extension in lookups:
                        await self._reconcile_one(extension)
                else:
                    await self._reconcile()
            except Exception:
                _log.exception("reconciling with Kamailio failed")

    async def _reconcile(self) -> None:
        """Ask every node for all it holds and take it over."""
        nodes = [node for node in self._nodes if node.is_ready]
        with self._table.watching() as touched:
            dumps = await asyncio.gather(*map(self._dump, nodes))
            found = united(dumps, self._owners())
            answered = {node.name for node in nodes if node.is_up}
            others = {node.name for node in self._nodes} - answered
            # What a node holds that is away may come back with it: only its lifetime ends it.
            effects = self._table.merge(found, touched, lambda item: item.node not in others)
            await self._tell_in_pieces(effects, is_quiet=not self._is_filled)
        if answered:
            self._is_filled = True
            self._counters["reconciled"] += 1
            self._calls.is_stale = True
            self._reconciled.set()

    async def _reconcile_one(self, extension: str) -> None:
        nodes = [node for node in self._nodes if node.is_up]
        now = self._now()
        with self._table.watching() as touched:
            try:
                dumps = [await node.locations_of(extension, now) for node in nodes]
            except (OSError, ValueError) as error:
                _log.debug("extension not looked up: %s", error)
                return
            found = united(dumps, self._owners())
            effects = self._table.merge(
                found, touched, lambda item: item.registration.extension == extension
            )
            await self._tell_in_pieces(effects)

    async def _tell_in_pieces(self, effects: Iterable[Effect], *, is_quiet: bool = False) -> None:
        """Publish what a dump changed, and let others run between pieces of it.

        Nothing is told of what the first dump finds: it was so before we came.
        """
        for count, effect in enumerate(effects, 1):
            if not is_quiet:
                self._tell((effect,))
            if count % _MERGED_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _dump(self, node: KamailioNode) -> list[Location]:
        try:
            await node.learn_sockets()
            found = await node.locations(self._now)
        except (OSError, ValueError) as error:
            problem = str(error) or "no answer in time"
            node.fail(f"JSON-RPC at {node.address.rpc}: {problem}")
            return []
        if node.is_ready:
            node.confirm(len(found))
        return found

    def _owners(self) -> dict[str, str]:
        return {socket: node.name for node in self._nodes for socket in node.sockets}
