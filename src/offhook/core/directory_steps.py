"""What happens to one person of a directory: from their link and extension to a step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from offhook.core.directory import (
    FieldChange,
    Link,
    LinkState,
    Person,
    PersonProblem,
    PlanStep,
    StepKind,
)
from offhook.core.directory_numbers import Adopted, Granted, Refused, Verdict, World, is_new
from offhook.core.model import Extension

ON_STATES = frozenset({LinkState.ACTIVE, LinkState.CONFLICT})
"""States in which the extension of a link is on."""


class Note(StrEnum):
    """Why nothing was done although something was found."""

    DISABLED_KEPT = "disabled_kept"
    MISSING_KEPT = "missing_kept"
    MAYBE_LATE = "maybe_late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A step, or none; and a note where a person should know what was not done."""

    step: PlanStep | None = None
    note: Note | None = None


_NOTHING = Decided()


def decide_person(person: Person, verdict: Verdict | None, world: World) -> Decided:
    """Decide on somebody whom the directory shows and who can be used."""
    link = world.links.get(person.guid)
    if link is not None and link.is_ignored_by_hand:
        return _NOTHING
    if link is None or is_new(link):
        return Decided(step=_newcomer(person, link, verdict, world))
    if not world.is_holder(link):
        return _deleted_here(link, world)
    after = _refreshed(link, person, world)
    if not person.is_enabled:
        return _off(link, after, world, LinkState.DISABLED)
    if isinstance(verdict, Refused):
        return Decided(step=_contested(link, after, world))
    if not person.number and "number" not in link.overrides:
        return _off(link, after, world, LinkState.IGNORED)
    number = verdict.number if isinstance(verdict, Granted) else link.number
    return Decided(step=_followed(person, link, after, number, world))


def decide_problem(problem: PersonProblem, world: World) -> Decided:
    """Decide on somebody unusable: the link stays, but a disabled account has no extension."""
    link = world.links.get(problem.guid)
    if link is None or link.is_ignored_by_hand:
        return _NOTHING
    if link.number and not world.is_holder(link):
        return _deleted_here(link, world)  # or the number would still count as theirs
    if problem.is_enabled or link.state not in ON_STATES or not link.number:
        return _NOTHING
    return _off(link, link, world, LinkState.DISABLED)


def decide_absent(link: Link, world: World, *, is_still_there: bool) -> Decided:
    """Decide on somebody whom a complete read did not show."""
    if link.is_ignored_by_hand:
        return _NOTHING
    if not link.number:
        if link.state is not LinkState.CONFLICT:
            return _NOTHING
        after = replace(link, state=LinkState.IGNORED)
        return Decided(step=_step(link, after, [StepKind.IGNORED], [], world))
    if not world.is_holder(link):
        return _deleted_here(link, world)
    if is_still_there:
        return _off(link, link, world, LinkState.DISABLED)
    return _missing(link, world)


def _missing(link: Link, world: World) -> Decided:
    if link.state is LinkState.MISSING:
        return _NOTHING
    if world.policy.on_missing == "report":
        return Decided(note=Note.MISSING_KEPT)
    if link.seen_from not in ("", world.invocation_id):
        # Another server than the one that showed them: it may not have heard of them yet.
        after = replace(link, seen_from="")
        return Decided(step=_step(link, after, [], [], world), note=Note.MAYBE_LATE)
    after = replace(link, state=LinkState.MISSING)
    changes = _switch(world.extensions[link.number], is_on=False)
    return Decided(step=_step(link, after, [StepKind.MISSING], changes, world))


def _off(link: Link, after: Link, world: World, state: LinkState) -> Decided:
    """Switch off for a disabled account (DISABLED) or a number taken away (IGNORED)."""
    if link.state in (state, LinkState.IGNORED):
        return Decided(step=_step(link, after, [], [], world))
    if world.policy.on_disabled == "report":
        return Decided(note=Note.DISABLED_KEPT) if link.state in ON_STATES else _NOTHING
    kinds = [StepKind.IGNORED] if state is LinkState.IGNORED else [StepKind.DISABLE]
    if link.state in ON_STATES:
        kinds.append(StepKind.DISABLE)
    changes = _switch(world.extensions[link.number], is_on=False)
    return Decided(step=_step(link, replace(after, state=state), kinds, changes, world))


def _deleted_here(link: Link, world: World) -> Decided:
    """An extension deleted by hand stays deleted: it would come back every night otherwise."""
    after = replace(link, number="", state=LinkState.IGNORED, is_ignored_by_hand=True)
    return Decided(step=_step(link, after, [StepKind.IGNORED], [], world))


def _contested(link: Link, after: Link, world: World) -> PlanStep | None:
    if link.state is not LinkState.ACTIVE:
        return _step(link, after, [], [], world)
    return _step(link, replace(after, state=LinkState.CONFLICT), [StepKind.CONFLICT], [], world)


def _followed(
    person: Person, link: Link, after: Link, number: str, world: World
) -> PlanStep | None:
    """Let an extension follow its person."""
    extension = world.extensions[link.number]
    after = replace(after, name=person.name, email=person.email)
    kinds: list[StepKind] = []
    changes: list[FieldChange] = []
    if number != link.number:
        kinds.append(StepKind.RENUMBER)
        changes.append(FieldChange(field="number", old=link.number, new=number))
        reserved = {**link.reserved, link.number: world.reserved_until}
        reserved.pop(number, None)
        after = replace(after, number=number, reserved=reserved)
    kinds += _follow_texts(person, link, extension, changes)
    if link.state not in ON_STATES:
        is_back = link.state is LinkState.MISSING
        kinds.append(StepKind.RETURN if is_back else StepKind.ENABLE)
        changes += _switch(extension, is_on=True)
    return _step(link, replace(after, state=LinkState.ACTIVE), kinds, changes, world)


def _newcomer(
    person: Person, link: Link | None, verdict: Verdict | None, world: World
) -> PlanStep | None:
    """Decide on a person without an extension."""
    after = _linked(person, link, world)
    if isinstance(verdict, Granted):
        texts = {"number": verdict.number, "name": person.name, "email": person.email}
        changes = [
            FieldChange(field=name, old="", new=text) for name, text in texts.items() if text
        ]
        after = replace(after, number=verdict.number, state=LinkState.ACTIVE)
        return _step(link, after, [StepKind.CREATE], changes, world)
    if isinstance(verdict, Adopted):
        extension = world.extensions[verdict.number]
        changes = [FieldChange(field="source", old=extension.source, new=world.source)]
        kinds = _follow_texts(person, after, extension, changes)
        after = replace(after, number=verdict.number, state=LinkState.ACTIVE)
        return _step(link, after, [StepKind.ADOPT, *kinds], changes, world)
    if isinstance(verdict, Refused):
        return _waiting(link, after, LinkState.CONFLICT, StepKind.CONFLICT, world)
    if link is None:
        return None
    return _waiting(link, after, LinkState.IGNORED, StepKind.IGNORED, world)


def _waiting(
    link: Link | None, after: Link, state: LinkState, kind: StepKind, world: World
) -> PlanStep | None:
    """Remember why a person has no extension; said once."""
    is_known = link is not None and link.state is state
    return _step(link, replace(after, state=state), [] if is_known else [kind], [], world)


def _follow_texts(
    person: Person, link: Link, extension: Extension, changes: list[FieldChange]
) -> list[StepKind]:
    """Add the changes of name and e-mail, unless set by hand.

    An e-mail that the directory never had is not taken away from an extension.
    """
    kinds = []
    if "name" not in link.overrides and extension.name != person.name:
        kinds.append(StepKind.RENAME)
        changes.append(FieldChange(field="name", old=extension.name, new=person.name))
    is_told = bool(person.email or link.email)
    if is_told and "email" not in link.overrides and extension.email != person.email:
        kinds.append(StepKind.UPDATE)
        changes.append(FieldChange(field="email", old=extension.email, new=person.email))
    return kinds


def _switch(extension: Extension, *, is_on: bool) -> list[FieldChange]:
    if extension.is_enabled is is_on:
        return []
    old, new = ("false", "true") if is_on else ("true", "false")
    return [FieldChange(field="is_enabled", old=old, new=new)]


def _linked(person: Person, link: Link | None, world: World) -> Link:
    if link is not None:
        known = _refreshed(link, person, world)
        return replace(known, name=person.name, email=person.email)
    return Link(
        source=world.source,
        guid=person.guid,
        number="",
        state=LinkState.IGNORED,
        login=person.login,
        dn=person.dn,
        name=person.name,
        email=person.email,
        since=world.now,
        seen_from=world.invocation_id,
    )


def _refreshed(link: Link, person: Person, world: World) -> Link:
    """Remember who it is now. That another server shows them is not worth a write of its own."""
    return replace(
        link,
        login=person.login,
        dn=person.dn,
        seen_from=link.seen_from or world.invocation_id,
    )


def _step(
    before: Link | None,
    after: Link,
    kinds: Iterable[StepKind],
    changes: Sequence[FieldChange],
    world: World,
) -> PlanStep | None:
    """Make a step, or none when nothing would be written."""
    named = set(kinds)
    if not named:
        if before == after:
            return None
        named = {StepKind.UPDATE}
    since = world.now if before is None or before.state is not after.state else before.since
    was_found = bool(after.seen_from) and StepKind.MISSING not in named
    old = before.number if before is not None else ""
    link = replace(
        after,
        since=since,
        reserved={number: until for number, until in after.reserved.items() if until > world.now},
        seen_from=world.invocation_id if was_found else after.seen_from,
    )
    return PlanStep(
        guid=link.guid,
        login=link.login,
        kinds=tuple(kind for kind in StepKind if kind in named),
        number=link.number,
        old_number=link.number if StepKind.ADOPT in named else old,
        changes=tuple(changes),
        link=link,
    )
