"""What one person's change does to devices and files, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from offhook.actions.state import State, overlaid
from offhook.core.directory import PersonProblem, PlanStep
from offhook.core.directory_apply import Applied
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac
from offhook.core.model import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The devices concerned after and before, and what their files will be made from."""

    devices: list[Device]
    former_devices: Mapping[Mac, Device | None]
    source: FileSource


def effects_of(state: State, applied: Applied) -> Effects:
    """Look at the devices of an extension about to change; a new number moves their lines."""
    if applied.extension is None:
        return Effects(devices=[], former_devices={}, source=state.source)
    number = applied.extension.number
    former = applied.former_number or number
    before = state.devices_of(former)
    after = [_renumbered(device, former, number) for device in before]
    return Effects(
        devices=after,
        former_devices={device.mac: device for device in before},
        source=overlaid(state.source, extensions=[applied.extension]),
    )


def _renumbered(device: Device, former: str, number: str) -> Device:
    if former == number:
        return device
    lines = tuple(
        replace(line, extension=number) if line.extension == former else line
        for line in device.lines
    )
    return replace(device, lines=lines)


def shown_step(step: PlanStep) -> dict[str, object]:
    """A step as reports keep it."""
    return {
        "login": step.login,
        "guid": step.guid,
        "number": step.number,
        "kinds": [kind.value for kind in step.kinds],
        "fields": [
            {"field": change.field, "old": change.old, "new": change.new} for change in step.changes
        ],
    }


def shown_problem(problem: PersonProblem) -> dict[str, object]:
    """A person's problem as reports keep it."""
    return {
        "login": problem.login,
        "guid": problem.guid,
        "fault": problem.fault,
        "message": problem.message,
        "values": dict(problem.values),
    }
