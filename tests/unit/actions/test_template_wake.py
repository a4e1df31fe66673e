"""New templates on several nodes: phones are told once, by the leader, when all nodes have them."""

from __future__ import annotations

from datetime import UTC, datetime

from offhook.actions.changing import Changes
from offhook.actions.lead import Lead
from offhook.actions.nodes import NodeList
from offhook.actions.template_wake import TemplateWake
from offhook.core.mac import Mac
from offhook.core.nodes import Node

T0 = datetime(2025, 12, 5, 19, 0, 0, tzinfo=UTC)
MACS = [Mac(1), Mac(2)]


def a_node(name: str, digest: str, silent_s: float = 0.0) -> Node:
    return Node(
        id=name,
        name=name,
        version="1",
        started_at=T0,
        seen_at=T0,
        silent_s=silent_s,
        is_leading=False,
        templates_digest=digest,
    )


class Site:
    def __init__(self, *known: Node, leads: bool = True) -> None:
        self.told: list[list[Mac]] = []
        self.nodes = NodeList(own="a", known=known)
        self.wake = TemplateWake(
            nodes=self.nodes, lead=Lead(is_alone=leads), digest=lambda: "new", wake=self._tell
        )

    async def _tell(self, macs: list[Mac], actor: str) -> Changes:
        assert actor == "Ada"
        self.told.append(macs)
        return Changes(pending=tuple(macs))


async def test_a_node_alone_tells_phones_at_once() -> None:
    site = Site(a_node("a", "old"), a_node("b", "old", silent_s=60))
    assert await site.wake.changed(MACS, "Ada") == Changes(pending=tuple(MACS))
    assert site.told == [MACS]


async def test_phones_are_told_when_all_nodes_have_the_same() -> None:
    site = Site(a_node("a", "old"), a_node("b", "old"))
    changes = await site.wake.changed(MACS, "Ada")
    assert changes.told == "2 to be told to fetch again when all nodes have the same"
    await site.wake.tick()
    site.nodes.known = (a_node("a", "new"), a_node("b", "old"))
    await site.wake.tick()
    assert site.told == []
    site.nodes.known = (a_node("a", "new"), a_node("b", "new"))
    await site.wake.tick()
    await site.wake.tick()
    assert site.told == [MACS]


async def test_only_the_leader_tells_them() -> None:
    site = Site(a_node("a", "new"), a_node("b", "new"), leads=False)
    await site.wake.changed(MACS, "Ada")
    await site.wake.tick()
    assert site.told == []


async def test_whoever_leads_by_then_tells_them() -> None:
    site = Site(a_node("a", "new"), a_node("b", "old"), leads=False)
    await site.wake.changed(MACS, "Ada")
    await site.wake.tick()
    site.wake.lead.hold(float("inf"))
    site.nodes.known = (a_node("a", "new"), a_node("b", "new"))
    await site.wake.tick()
    assert site.told == [MACS]


async def test_a_dead_node_is_not_waited_for() -> None:
    site = Site(a_node("a", "new"), a_node("b", "old"))
    await site.wake.changed(MACS, "Ada")
    site.nodes.known = (a_node("a", "new"), a_node("b", "old", silent_s=60))
    await site.wake.tick()
    assert site.told == [MACS]
