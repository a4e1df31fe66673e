"""Refused requests that name no phone: who asked from where, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from offhook.actions.ports import AttemptQuery
from offhook.core.mac import Mac
from offhook.core.model import Attempt
from offhook.diagnosis.history import maker_of
from offhook.diagnosis.rules import rules
from offhook.diagnosis.rules.p201_macro_not_expanded import steps_for
from offhook.web.ports import Services

LOOKED_AT = 500
SHOWN = 10
_STEP = "→"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameless:
    """Requests from one address, of one program and with one fault; `attempt` is the newest."""

    attempt: Attempt
    maker: str
    title: str
    count: int
    first: datetime
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Recent refusals: those without a MAC, and the newest of each MAC."""

    nameless: tuple[Nameless, ...]
    by_mac: dict[Mac, Attempt]


async def refused(services: Services) -> Refused:
    """Look through the latest requests; who got a file since is no trouble any more."""
    attempts = (await services.journal.attempts(AttemptQuery(limit=LOOKED_AT)))[1]
    by_mac: dict[Mac, Attempt] = {}
    served: set[tuple[str, str]] = set()
    groups: dict[tuple[str, str, str], list[Attempt]] = {}
    for attempt in attempts:
        asker = (attempt.address, attempt.user_agent)
        if attempt.is_test:
            continue
        if attempt.is_delivery:
            served.add(asker)
        elif attempt.is_success:
            continue
        elif attempt.mac is not None:
            by_mac.setdefault(attempt.mac, attempt)
        elif asker not in served:
            groups.setdefault((*asker, attempt.fault), []).append(attempt)
    shown = list(groups.values())[:SHOWN]
    return Refused(nameless=tuple(_nameless(services, it) for it in shown), by_mac=by_mac)


def title_of(code: str) -> str:
    """Give a fault's title; the code itself when it is not known."""
    rule = rules().get(code)
    return rule.fault.title if rule else code


def steps_in(hint: str) -> tuple[str, ...]:
    """Take the steps out of the lines that a refusal was logged with; evidence is left away."""
    steps: list[str] = []
    for line in map(str.strip, hint.splitlines()):
        if line.startswith(_STEP):
            steps.append(line.removeprefix(_STEP).strip())
        elif steps and line:
            steps[-1] += f"\n{line}"
    return tuple(steps)


def _nameless(services: Services, group: Sequence[Attempt]) -> Nameless:
    newest, profiles = group[0], services.state.source.profiles
    maker = maker_of(newest.user_agent, profiles, newest.vendor) or newest.vendor
    if newest.fault == "P201":
        steps = steps_for(profiles.get(maker), services.config.base, profiles)
    else:
        steps = steps_in(newest.hint)
    return Nameless(
        attempt=newest,
        maker=profiles[maker].label if maker in profiles else "",
        title=title_of(newest.fault),
        count=len(group),
        first=group[-1].at,
        steps=steps,
    )
