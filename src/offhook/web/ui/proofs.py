"""The ladder of stages of one phone, each with what proves it or what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from offhook.actions.files import Files
from offhook.core.converge import stale_files
from offhook.core.model import Device, Registration, Sighting
from offhook.diagnosis.facts import RenderFault
from offhook.diagnosis.finding import Stage
from offhook.diagnosis.verdict import LADDER
from offhook.web.ports import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One stage: whether it is proven, by what, and when that was."""

    stage: str
    is_proven: bool
    proof: str
    at: datetime | None = None


def ladder_of(services: Services, device: Device, reached: Stage) -> list[Rung]:
    """Give all stages in order. What was reached comes from the verdict, so that both agree."""
    rank = LADDER.index(reached) if reached in LADDER else -1
    seen = services.state.sightings.get(device.mac) or Sighting(mac=device.mac)
    live = [it.registration for it in services.reboots.targets_of(device)]
    proofs = {
        **_of_asking(device, seen, live),
        **_of_files(services.files, device, seen),
        **_of_account(seen, live),
    }
    return [
        Rung(
            stage=stage.value,
            is_proven=place <= rank,
            proof=proofs[stage][0],
            at=proofs[stage][1] if place <= rank else None,
        )
        for place, stage in enumerate(LADDER)
    ]


_Proof = tuple[str, datetime | None]


def _of_asking(device: Device, seen: Sighting, live: list[Registration]) -> Mapping[Stage, _Proof]:
    if seen.last_contact is not None:
        asked: _Proof = (f"asked for files from {seen.address}", seen.last_contact)
    elif live:
        asked = (f"no request yet, but registered from {live[0].source}", live[0].registered_at)
    else:
        asked = ("no request and no registration yet", None)
    agent = f"{asked[0]} as {seen.user_agent[:80]}" if seen.user_agent else asked[0]
    return {
        Stage.SEEN: asked,
        Stage.CONNECTED: asked,
        Stage.AUTHENTICATED: (agent, asked[1]),
        Stage.IDENTIFIED: (f"{device.mac.colons} is registered here", device.created_at),
    }


def _of_files(files: Files, device: Device, seen: Sighting) -> Mapping[Stage, _Proof]:
    made = files.expected(device.mac)
    if isinstance(made, RenderFault):
        return {
            Stage.RENDERED: (f"its files cannot be made: {made.message}", None),
            Stage.DELIVERED: ("nothing to deliver", None),
        }
    stale = stale_files(made, seen.delivered)
    if seen.last_provisioned is None:
        delivered = "its files were never fetched"
    elif stale:
        delivered = f"fetched, but changed since: {', '.join(stale)}"
    else:
        delivered = "the files it has are those of now"
    names = ", ".join(sorted(made))
    return {
        Stage.RENDERED: (f"made: {names}", None),
        Stage.DELIVERED: (delivered, seen.last_provisioned),
    }


def _of_account(seen: Sighting, live: list[Registration]) -> Mapping[Stage, _Proof]:
    if not live:
        missing = "not registered by SIP" + (" since it fetched" if seen.last_provisioned else "")
        return {Stage.APPLIED: (missing, None), Stage.REGISTERED: (missing, None)}
    newest = live[0]
    return {
        Stage.APPLIED: (
            f"it registers as {newest.extension}, as its files say",
            newest.registered_at,
        ),
        Stage.REGISTERED: (
            f"registered as {newest.extension} from {newest.source}",
            newest.registered_at,
        ),
    }
