"""The plan of a synchronisation: every person decided, the brakes tried, nothing done yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from offhook.core.directory import (
    Brake,
    BrakeHit,
    DirectoryPolicy,
    Link,
    LinkState,
    Person,
    PersonProblem,
    Plan,
    PlanStep,
    StepKind,
)
from offhook.core.directory_numbers import (
    MAX_LOGINS,
    Refused,
    World,
    allot_numbers,
    conflict_problem,
    see_world,
)
from offhook.core.directory_steps import (
    ON_STATES,
    Decided,
    Note,
    decide_absent,
    decide_person,
    decide_problem,
)
from offhook.core.model import Extension

ZERO_PEOPLE = "zero_people"
"""The brake that no confirmation lifts."""

_NOTES = {
    Note.DISABLED_KEPT: "disabled or out of scope in the directory, extension kept (on_disabled)",
    Note.MISSING_KEPT: "gone from the directory, extension kept (on_missing)",
    Note.MAYBE_LATE: "not known to this server, replication may be late; the next run decides",
}


def plan(
    people: Sequence[Person],
    problems: Sequence[PersonProblem],
    links: Mapping[str, Link],
    extensions: Mapping[str, Extension],
    policy: DirectoryPolicy,
    now: datetime,
    *,
    source: str,
    invocation_id: str,
    still_there: Mapping[str, bool],
) -> Plan:
    """Compare a complete read with the links and say what a run would do.

    Nobody is in `people` or `problems` twice. `links` are all there are, by guid: those of other
    sources keep their numbers. `still_there` is asked for the linked guids absent from the read.
    """
    world = see_world(links, extensions, policy, now, source=source, invocation_id=invocation_id)
    verdicts = allot_numbers(people, world)
    decided = [(it.login, decide_person(it, verdicts.get(it.guid), world)) for it in people]
    decided += [(it.login, decide_problem(it, world)) for it in problems]
    present = {it.guid for it in people} | {it.guid for it in problems}
    decided += [
        (link.login, decide_absent(link, world, is_still_there=still_there.get(guid, False)))
        for guid, link in world.links.items()
        if guid not in present
    ]
    steps = sorted((it.step for _, it in decided if it.step), key=_by_login)
    refused = {guid: it for guid, it in verdicts.items() if isinstance(it, Refused)}
    conflicts = [conflict_problem(it, refused[it.guid]) for it in people if it.guid in refused]
    all_problems = sorted((*problems, *conflicts), key=lambda it: (it.login, it.guid))
    return Plan(
        id=_identity(source, steps),
        steps=tuple(steps),
        problems=tuple(all_problems),
        brakes=tuple(_brakes(steps, len(present), world)),
        counts={
            **_counts(steps),
            StepKind.CONFLICT.value: len(refused),
            StepKind.IGNORED.value: _ignored(people, refused, steps, world),
            "people": len(present),
            "problems": len(all_problems),
        },
        warnings=tuple(_warnings(decided)),
    )


def _by_login(step: PlanStep) -> tuple[str, str]:
    return step.login, step.guid


def _identity(source: str, steps: Iterable[PlanStep]) -> str:
    """Hash what would be done, without times and without the server that was asked."""
    digest = hashlib.sha256(json.dumps(source).encode("ascii"))
    for step in steps:
        row = (
            step.guid,
            step.login,
            step.kinds,
            step.number,
            step.old_number,
            [(it.field, it.old, it.new) for it in step.changes],
            step.link.state,
            step.link.dn,
            step.link.name,
            step.link.email,
            sorted(step.link.overrides),
            sorted(step.link.reserved),
            step.link.is_ignored_by_hand,
        )
        # One by one: a single text of 20,000 steps would keep the interpreter for 60 ms.
        digest.update(json.dumps(row).encode("ascii"))
    return digest.hexdigest()[:16]


def _counts(steps: Sequence[PlanStep]) -> dict[str, int]:
    return {kind.value: sum(kind in step.kinds for step in steps) for kind in StepKind}


def _ignored(
    people: Iterable[Person],
    refused: Mapping[str, Refused],
    steps: Iterable[PlanStep],
    world: World,
) -> int:
    """Count the people in the directory who have no extension in use and no conflict about it."""
    after = {**world.links, **{step.guid: step.link for step in steps}}
    found = (after.get(it.guid) for it in people if it.guid not in refused)
    return sum(
        link is None or link.is_ignored_by_hand or link.state is LinkState.IGNORED for link in found
    )


def _warnings(decided: Iterable[tuple[str, Decided]]) -> list[str]:
    logins: dict[Note, list[str]] = {}
    for login, it in decided:
        if it.note is not None:
            logins.setdefault(it.note, []).append(login)
    return [
        f"{len(logins[note])} {text}: {', '.join(sorted(logins[note])[:MAX_LOGINS])}"
        for note, text in _NOTES.items()
        if note in logins
    ]


# --- brakes --------------------------------------------------------------------------------------


def _brakes(steps: Sequence[PlanStep], present: int, world: World) -> list[BrakeHit]:
    """Try every brake; percentages are of the links whose extension is on."""
    policy = world.policy
    active = sum(bool(link.number) and link.state in ON_STATES for link in world.links.values())
    tried = (
        ("max_disable", _switched_off(steps, world), _limit(policy.max_disable, active)),
        ("max_create", _of(steps, StepKind.CREATE), policy.max_create),
        ("max_renumber", _of(steps, StepKind.RENUMBER), _limit(policy.max_renumber, active)),
        ("max_rename", _of(steps, StepKind.RENAME), _limit(policy.max_rename, active)),
    )
    hits = []
    if world.links and not present:
        logins = sorted(link.login for link in world.links.values())
        hits.append(_hit(ZERO_PEOPLE, logins, 0))
    hits += [_hit(name, logins, limit) for name, logins, limit in tried if len(logins) > limit]
    return hits


def _limit(brake: Brake, active: int) -> int:
    return max(active * brake.percent // 100, brake.at_least)


def _of(steps: Iterable[PlanStep], kind: StepKind) -> list[str]:
    return [step.login for step in steps if kind in step.kinds]


def _switched_off(steps: Iterable[PlanStep], world: World) -> list[str]:
    """Disabled and missing together; who was off already does not count."""
    off = (StepKind.DISABLE, StepKind.MISSING)
    return [
        step.login
        for step in steps
        if any(kind in step.kinds for kind in off) and world.links[step.guid].state in ON_STATES
    ]


def _hit(name: str, logins: Sequence[str], limit: int) -> BrakeHit:
    return BrakeHit(name=name, count=len(logins), limit=limit, logins=tuple(logins[:MAX_LOGINS]))
