"""Who tells phones of new templates when several nodes have them: the one that leads, once.

Each node finds the change in its own folder, a moment apart or, where somebody copies files, later.
A phone that was told before all nodes have it could fetch the old file from another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from offhook.actions.changing import Changes
from offhook.actions.lead import Lead
from offhook.actions.nodes import NodeList
from offhook.core.mac import Mac

Wake = Callable[[list[Mac], str], Awaitable[Changes]]
"""Tells phones; the text is who asked."""


@dataclass(slots=True, kw_only=True)
class TemplateWake:
    """Keeps whose files changed until the nodes agree; `digest` is that of this node's templates.

    All nodes keep them, so that whoever leads by then can tell the phones.
    """

    nodes: NodeList
    lead: Lead
    digest: Callable[[], str]
    wake: Wake
    _waiting: dict[Mac, str] = field(default_factory=dict)

    async def changed(self, macs: list[Mac], actor: str) -> Changes:
        """Tell these phones at once, or remember them while another node lives."""
        if not any(node.is_alive for node in self.nodes.others):
            return await self.wake(macs, actor)
        self._waiting.update(dict.fromkeys(macs, actor))
        return Changes(later=len(macs))

    async def tick(self) -> None:
        """Tell them when every node that lives has the same templates, if this one leads."""
        if not self._waiting or not self._agree():
            return
        waiting, self._waiting = self._waiting, {}
        if not self.lead.is_held:
            return
        for actor in dict.fromkeys(waiting.values()):
            await self.wake(sorted(mac for mac, who in waiting.items() if who == actor), actor)

    def _agree(self) -> bool:
        own = self.digest()
        return all(node.templates_digest == own for node in self.nodes.known if node.is_alive)
