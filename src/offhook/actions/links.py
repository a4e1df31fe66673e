"""Links between directory people and extensions, changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from offhook.actions.changing import Changing
from offhook.actions.ports import PutExtension, PutLink, Write
from offhook.actions.state import State
from offhook.core.directory import Link, LinkState
from offhook.core.model import Extension
from offhook.errors import BadRequestError

OVERRIDABLE = frozenset({"name", "email", "number"})


class Links:
    """The verbs of links; each leaves a Change row."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing
        self._state = changing.state

    def of_source(self, source: str) -> list[Link]:
        """A source's links, by login."""
        own = (link for link in self._state.links.values() if link.source == source)
        return sorted(own, key=lambda link: (link.login, link.guid))

    async def change_link(
        self, actor: str, guid: str, action: str, fields: frozenset[str] = frozenset()
    ) -> Link:
        """Release, ignore, relink or override by hand. 404 unknown link, 400 unusable fields."""
        async with self._state.lock:
            link = self._state.links.get(guid)
            if link is None:
                raise BadRequestError(
                    "unknown_link",
                    f"no person with the id {guid[:64]}",
                    "GET /api/integrations/ad/links lists them",
                    status=404,
                )
            after = _changed(link, action, fields)
            row = self._changing.change(
                actor, "link", link.login, action, _shown(link), _shown(after)
            )
            writes: list[Write] = [PutLink(link=after)]
            extension = self._state.extensions.get(link.number)
            if extension is not None and after.number != link.number:
                writes.append(PutExtension(extension=replace(extension, source="manual")))
            await self._changing.commit(writes, [row])
        return after


def by_hand(state: State, before: Extension, after: Extension | None) -> list[PutLink]:
    """What a change by hand does to the link of a directory's extension.

    A changed field is kept against the directory until released; a deleted extension is not made
    again until relinked.
    """
    if before.source == "manual":
        return []
    links = [link for link in state.links.values() if link.number == before.number]
    if after is None:
        return [PutLink(link=replace(link, number="", is_ignored_by_hand=True)) for link in links]
    fields = {
        field
        for field, old, new in (
            ("name", before.name, after.name),
            ("email", before.email, after.email),
        )
        if old != new
    }
    if not fields:
        return []
    return [PutLink(link=replace(link, overrides=link.overrides | fields)) for link in links]


def _changed(link: Link, action: str, fields: frozenset[str]) -> Link:
    if fields - OVERRIDABLE:
        raise BadRequestError(
            "bad_fields",
            f"fields may name {', '.join(sorted(OVERRIDABLE))} only",
            'send {"fields":["name"]}',
        )
    match action:
        case "ignore":
            return replace(link, is_ignored_by_hand=True)
        case "relink":
            return replace(link, is_ignored_by_hand=False)
        case "release":
            return _released(link, fields)
        case "override":
            return replace(link, overrides=link.overrides | (fields or OVERRIDABLE))
        case _:
            raise BadRequestError(
                "unknown_action",
                f"there is no action {action[:32]!r} on a link",
                "use release, ignore, relink or override",
                status=404,
            )


def _released(link: Link, fields: frozenset[str]) -> Link:
    """Free fields and former numbers; of a person who left, the extension too (it stays, by hand).

    A person who comes back is then a new one.
    """
    freed = replace(link, overrides=link.overrides - (fields or link.overrides), reserved={})
    if link.state in (LinkState.MISSING, LinkState.DISABLED) and not fields:
        return replace(freed, number="")
    return freed


def _shown(link: Link) -> Mapping[str, object]:
    return {
        "state": link.state.value,
        "number": link.number,
        "overrides": sorted(link.overrides),
        "is_ignored_by_hand": link.is_ignored_by_hand,
    }
