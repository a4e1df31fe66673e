"""Who gets which number: holders first, then reservations, then whoever asks alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from offhook.core.directory import DirectoryPolicy, Link, LinkState, Person, PersonProblem
from offhook.core.model import Extension

MAX_LOGINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a plan starts from. `links` are those of the source; `holders` of any source.

    `holders` maps a number to the link whose extension it is; `reserved` a number that nobody has
    to the links it is kept free for.
    """

    source: str
    links: Mapping[str, Link]
    holders: Mapping[str, Link]
    reserved: Mapping[str, tuple[Link, ...]]
    extensions: Mapping[str, Extension]
    policy: DirectoryPolicy
    now: datetime
    invocation_id: str

    def is_holder(self, link: Link) -> bool:
        """False when the extension is gone, or belongs to somebody else by now."""
        holder = self.holders.get(link.number)
        return holder is not None and holder.guid == link.guid

    @property
    def reserved_until(self) -> datetime:
        """The end of a reservation made now: at least a day, so that no run hands a number on."""
        return self.now + timedelta(days=max(self.policy.grace_days, 1))


def see_world(
    links: Mapping[str, Link],
    extensions: Mapping[str, Extension],
    policy: DirectoryPolicy,
    now: datetime,
    *,
    source: str,
    invocation_id: str,
) -> World:
    """Index links and extensions by number."""
    holders: dict[str, Link] = {}
    reserved: dict[str, tuple[Link, ...]] = {}
    for link in sorted(links.values(), key=_standing):
        extension = extensions.get(link.number)
        if extension is not None and extension.source == link.source:
            holders.setdefault(link.number, link)
        for number, until in link.reserved.items():
            if until > now:
                reserved[number] = (*reserved.get(number, ()), link)
    return World(
        source=source,
        links={guid: link for guid, link in links.items() if link.source == source},
        holders=holders,
        reserved=reserved,
        extensions=extensions,
        policy=policy,
        now=now,
        invocation_id=invocation_id,
    )


def _standing(link: Link) -> tuple[bool, bool, str]:
    """Order the links of one number, the true holder first: others keep stale numbers."""
    return link.is_ignored_by_hand, link.state is not LinkState.ACTIVE, link.guid


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The number is free and theirs."""

    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """The number has an extension that the policy lets them take over."""

    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Somebody else has the number or wants it too; `logins` are all concerned."""

    number: str
    logins: tuple[str, ...]
    reason: str


Verdict = Granted | Adopted | Refused


def allot_numbers(people: Iterable[Person], world: World) -> dict[str, Verdict]:
    """Judge everybody who wants a number that they do not have, by guid.

    Disabled people want none: they never displace an enabled one.
    """
    claims: dict[str, list[Person]] = {}
    for person in people:
        if _is_claimant(person, world):
            claims.setdefault(person.number, []).append(person)
    verdicts: dict[str, Verdict] = {}
    for number, claimants in claims.items():
        verdicts.update(_judge(number, claimants, world))
    if world.policy.adopt != "never" and not world.policy.can_create:
        _look_ahead(people, verdicts, world)
    return verdicts


def _look_ahead(people: Iterable[Person], verdicts: dict[str, Verdict], world: World) -> None:
    """Judge those who may only adopt by the extensions there will be after this run.

    Else the next run would find for them what this one made or took away.
    """
    moved = {
        person.number: person for person in people if isinstance(verdicts.get(person.guid), Granted)
    }
    left = {world.links[person.guid].number for person in moved.values()}
    for person in people:
        if not _wants(person, world) or not is_new(world.links.get(person.guid)):
            continue
        if person.number in left:
            verdicts.pop(person.guid, None)
        elif person.number in moved:
            holder = moved[person.number].login
            reason = f"it is the extension of {holder}"
            verdicts |= _refuse_all(person.number, [person], {person.login, holder}, reason)


def conflict_problem(person: Person, refused: Refused) -> PersonProblem:
    """Word a refusal: P508, for as long as it stands."""
    logins = ", ".join(refused.logins[:MAX_LOGINS])
    more = len(refused.logins) - MAX_LOGINS
    return PersonProblem(
        guid=person.guid,
        login=person.login,
        fault="P508",
        message=f"number {refused.number} cannot be given to {person.login}: {refused.reason}",
        values={
            "number": refused.number,
            "logins": f"{logins} and {more} more" if more > 0 else logins,
        },
    )


def is_new(link: Link | None) -> bool:
    """True for a person who has no extension."""
    return link is None or not link.number


def _wants(person: Person, world: World) -> bool:
    """Tell whether the directory's number is to be theirs at all."""
    link = world.links.get(person.guid)
    if not person.number or not person.is_enabled:
        return False
    return link is None or not (link.is_ignored_by_hand or "number" in link.overrides)


def _is_claimant(person: Person, world: World) -> bool:
    if not _wants(person, world):
        return False
    link = world.links.get(person.guid)
    if link is None or not link.number:
        can_adopt = world.policy.adopt != "never" and person.number in world.extensions
        return world.policy.can_create or can_adopt
    return link.number != person.number and world.is_holder(link)


def _judge(number: str, claimants: Sequence[Person], world: World) -> dict[str, Verdict]:
    holder = world.holders.get(number)
    reserving = world.reserved.get(number, ())
    logins = {person.login for person in claimants} | {link.login for link in reserving}
    if holder is not None:
        logins.add(holder.login)
        reason = f"it is the extension of {holder.login}"
        return _refuse_all(number, claimants, logins, reason)
    free = [person for person in claimants if all(link.guid == person.guid for link in reserving)]
    if not free:
        reason = f"it was the number of {reserving[0].login} and is still reserved"
        return _refuse_all(number, claimants, logins, reason)
    if len(free) > 1:
        reason = "several people have it in the directory"
        return _refuse_all(number, claimants, logins, reason)
    verdict, reason = _single(number, free[0], world)
    verdicts = _refuse_all(number, claimants, logins, reason)
    return verdicts if verdict is None else {**verdicts, free[0].guid: verdict}


def _single(number: str, person: Person, world: World) -> tuple[Verdict | None, str]:
    """Judge the only one who may have a number that no link holds."""
    extension = world.extensions.get(number)
    if extension is None:
        return Granted(number=number), f"it goes to {person.login}, for whom it is reserved"
    if is_new(world.links.get(person.guid)) and _can_adopt(extension, person, world.policy):
        return Adopted(number=number), f"it goes to {person.login}, for whom it is reserved"
    return None, f"extension {number} ({extension.name}) is not of this directory"


def _can_adopt(extension: Extension, person: Person, policy: DirectoryPolicy) -> bool:
    if policy.adopt == "name_matches":
        return _folded(extension.name) == _folded(person.name)
    return policy.adopt == "always"


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _refuse_all(
    number: str, claimants: Iterable[Person], logins: Iterable[str], reason: str
) -> dict[str, Verdict]:
    refused = Refused(number=number, logins=tuple(sorted(logins)), reason=reason)
    return {person.guid: refused for person in claimants}
