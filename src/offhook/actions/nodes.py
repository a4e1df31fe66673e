"""The nodes on one database, as this one knows them."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.core.nodes import Node


@dataclass(slots=True)
class NodeList:
    """All nodes as last seen; empty where there can be one only. `own` is this one's id.

    `problem` says why the database cannot be asked now.
    """

    own: str = ""
    name: str = ""
    known: tuple[Node, ...] = ()
    problem: str = ""

    @property
    def others(self) -> list[Node]:
        """All but this one."""
        return [node for node in self.known if node.id != self.own]
