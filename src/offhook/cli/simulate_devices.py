"""Which devices a fleet plays: the PBX's own, or those made for it, added and removed again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from offhook.cli.client import CannotRunError
from offhook.cli.screen import Screen
from offhook.cli.simulate_screen import counter
from offhook.simulator.conduct import PhoneSpec
from offhook.simulator.site import Site, planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """Which devices are played, how missing ones come to be, and what becomes of them."""

    count: int
    is_existing: bool
    is_create: bool
    first_number: int
    is_clean: bool
    is_yes: bool


async def pick(site: Site, picks: Picks, screen: Screen) -> list[PhoneSpec]:
    """Give as many devices as are wanted. Raises CannotRunError, SiteError."""
    if picks.is_existing:
        found = await site.own_devices(picks.count)
        if len(found) < picks.count:
            raise CannotRunError(
                f"the PBX has only {len(found)} devices of its own",
                f"offhook simulate {len(found)} --existing, or leave --existing out",
            )
        return found
    marked = [item.spec for item in await site.marked() if item.spec is not None]
    if len(marked) < picks.count:
        marked += await _added(site, picks, marked, screen)
    return marked[: picks.count]


async def _added(
    site: Site, picks: Picks, marked: Sequence[PhoneSpec], screen: Screen
) -> list[PhoneSpec]:
    """Add what is missing, once a person or an option has said yes."""
    taken = {spec.mac for spec in marked} | {spec.number for spec in marked}
    plan = planned(picks.count + len(marked), picks.first_number)
    missing = [spec for spec in plan if not {spec.mac, spec.number} & taken]
    missing = missing[: picks.count - len(marked)]
    question = (
        f"Add {len(missing)} extensions from {missing[0].number} on and as many devices "
        "for simulated phones?"
    )
    if not picks.is_create and not _asked(question, screen):
        raise CannotRunError(
            f"the PBX has {len(marked)} devices for simulated phones, {picks.count} are needed",
            "--create adds the missing ones, --existing plays the PBX's own devices",
        )
    await site.add(missing, counter(screen, "Added", len(missing)))
    return missing


async def clean(site: Site, picks: Picks, screen: Screen) -> None:
    """Remove what was made for simulated phones. Raises SiteError."""
    marked = await site.marked()
    question = f"Remove {len(marked)} extensions and devices of simulated phones?"
    if marked and (picks.is_yes or _asked(question, screen)):
        await site.remove(marked, counter(screen, "Removed", len(marked)))
    elif marked:
        screen.note("Nothing removed; --yes removes without asking")


def _asked(question: str, screen: Screen) -> bool:
    """Ask a person, where there is one."""
    if screen.as_json or not sys.stdin.isatty():
        return False
    return typer.confirm(question)
