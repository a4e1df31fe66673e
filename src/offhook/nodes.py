"""Run beside other nodes on the same database: hear them, say that we live, lead in turn."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from offhook import __version__
from offhook.actions.elsewhere import Elsewhere
from offhook.actions.lead import Lead
from offhook.actions.nodes import NodeList
from offhook.actions.ports import SipEngine
from offhook.actions.reboots import Reboots
from offhook.actions.state import State
from offhook.core.inventory import FileSource
from offhook.core.nodes import NodeNote
from offhook.errors import OffhookError, StoreError
from offhook.settings import Settings
from offhook.store.lease import LEAD
from offhook.store.open import Several, Store
from offhook.tasks import spawn

_log = logging.getLogger("offhook.nodes")

BEAT_S = 1.0
LEASE_S = 4.0
MARGIN_S = 0.5
"""We stop to lead so long before another may begin: clocks run at slightly different speeds."""

PLACE_WAIT_S = 5.0
CREDENTIALS = "credentials"
"""Kind of news: the table that Kamailio reads may hold something old."""
GATHER_S = 0.2
"""Contacts at other nodes are read so long after the first of them: a storm is read in pieces."""


@dataclass(slots=True, kw_only=True)
class Beat:
    """Says every second that this node lives, and takes or renews the lead."""

    several: Several
    lead: Lead
    listed: NodeList
    note: Callable[[], NodeNote]
    monotonic: Callable[[], float] = time.monotonic

    async def beat(self) -> None:
        """Do it once. A database that is away is told in `listed.problem`."""
        began_s = self.monotonic()
        try:
            is_ours = await self.several.leases.take(LEAD, LEASE_S)
            self.lead.hold(began_s + LEASE_S - MARGIN_S if is_ours else float("-inf"))
            self.listed.known = tuple(await self.several.nodes.note_alive(self.note()))
            self.listed.problem = ""
        except StoreError as error:
            self.listed.problem = str(error)

    async def end(self) -> None:
        """Leave in order: another node may lead at once. Call when nothing is sent any more."""
        self.lead.hold(float("-inf"))
        try:
            await self.several.leases.give_up(LEAD)
            await self.several.nodes.forget()
        except StoreError as error:
            _log.warning("other nodes were not told that this one stops: %s", error)
        await self.several.line.close()
        await self.several.change_lock.close()


@dataclass(slots=True, kw_only=True)
class Nodes:
    """The tasks of one node among several.

    `on_lead` are called when it begins to lead, `on_lost` when it led and may have written late.
    """

    several: Several
    beat: Beat
    elsewhere: Elsewhere
    reboots: Reboots
    engine: SipEngine
    is_only: bool
    on_lead: Sequence[Callable[[], None]]
    on_lost: Callable[[], Awaitable[None]]
    _is_leading: bool = False
    _owes_word: bool = False
    _log_moved: asyncio.Event = field(default_factory=asyncio.Event)
    _journal_moved: asyncio.Event = field(default_factory=asyncio.Event)
    _lead_moved: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin to follow and to beat."""
        line = self.several.line
        listening = line.listen(is_only=self.is_only, on_topic=self._on_topic)
        self._tasks = [
            spawn(listening, "hear other nodes"),
            spawn(
                self._again(self._log_moved, self.elsewhere.catch_up), "follow other nodes' changes"
            ),
            spawn(
                self._again(self._journal_moved, self.elsewhere.see_contacts, GATHER_S),
                "follow other nodes' contacts",
            ),
            spawn(self._again(self._lead_moved, self.turn), "beat"),
        ]

    async def stop(self) -> None:
        """Stop following; idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def turn(self) -> None:
        """Renew the lead, and begin or end what only one node does."""
        lead = self.beat.lead
        if self._is_leading and not lead.is_held:
            await self._stand_down()
        await self.beat.beat()
        if self._is_leading and not lead.is_held:
            await self._stand_down()
        if self._owes_word:
            # What we wrote after that, if anything, was old: whoever leads compares it all again.
            await self.on_lost()
            await self.several.leases.tell(CREDENTIALS)
            self._owes_word = False
        if lead.is_held and not self._is_leading and self.engine.health().is_up:
            await self.elsewhere.catch_up()
            await self.reboots.take_up()
            self._is_leading = True
            for begin in self.on_lead:
                begin()
            _log.info("This node leads: it sends orders to phones and runs synchronisations")

    async def _stand_down(self) -> None:
        self._is_leading, self._owes_word = False, True
        _log.warning("This node leads no longer: its lease ran out")
        await self.reboots.stand_down()

    def _on_topic(self, topic: str) -> None:
        if topic in ("", "log"):
            self._log_moved.set()
        if topic in ("", "journal"):
            self._journal_moved.set()
        if topic in ("", "lead"):
            self._lead_moved.set()

    async def _again(
        self, moved: asyncio.Event, act: Callable[[], Awaitable[None]], gather_s: float = 0.0
    ) -> None:
        """Act when told to, and every second in case nobody told."""
        while True:
            try:
                async with asyncio.timeout(BEAT_S):
                    await moved.wait()
                    await asyncio.sleep(gather_s)
            except TimeoutError:
                pass
            moved.clear()
            try:
                await act()
            except OffhookError as error:
                _log.warning("tried again in a moment: %s", error)
            except Exception:
                _log.exception("a task between nodes failed")


def node_name(settings: Settings, http_port: int) -> str:
    """How people call this node: `server.node_name`, else host and port."""
    return settings.server.node_name or f"{socket.gethostname()}:{http_port}"


async def begin_to_beat(settings: Settings, store: Store, state: State, name: str) -> Beat | None:
    """Take the place of this node and the lead, if it is free; None where no other can be.

    Raises StoreError when another node's engine is one that can be only once, or ours is.
    """
    several = store.several
    if several is None:
        return None
    await take_place(several, is_only=settings.sip.engine == "embedded")
    beat = Beat(
        several=several,
        lead=store.lead,
        listed=NodeList(own=several.node, name=name),
        note=Noting(name, __version__, lambda: state.source),
    )
    await beat.beat()
    return beat


async def take_place(several: Several, *, is_only: bool) -> None:
    """Take the place of this node. Raises StoreError when another one holds it for itself.

    One that was killed a moment ago may hold it still.
    """
    ends_s = time.monotonic() + PLACE_WAIT_S
    while True:
        try:
            await several.line.open(is_only=is_only)
        except StoreError:
            if time.monotonic() > ends_s:
                raise
            await asyncio.sleep(0.3)
        else:
            return


class Noting:
    """What this node says of itself; the digests are of what every node must have the same."""

    def __init__(self, name: str, version: str, source: Callable[[], FileSource]) -> None:
        self._name = name
        self._version = version
        self._source = source
        self._templates: object = None
        self._templates_digest = ""

    def __call__(self) -> NodeNote:
        """Make the note of this moment."""
        source = self._source()
        server = source.server
        made_from = (server.address, server.sip_port, server.tls_port, server.base, source.prefs)
        if self._templates is not source.templates:
            self._templates = source.templates
            self._templates_digest = _digest(sorted(source.templates.sources.items()))
        return NodeNote(
            name=self._name,
            version=self._version,
            settings_digest=_digest(made_from),
            templates_digest=self._templates_digest,
        )


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "backslashreplace")).hexdigest()
