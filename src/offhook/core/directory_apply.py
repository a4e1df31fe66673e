"""One step of a plan put on the extensions and links of the moment: what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from offhook.core.directory import FieldChange, Link, PlanStep, StepKind
from offhook.core.model import Extension
from offhook.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What to write in one transaction: the extension (None: none changes) and the link.

    `former_number` is the number that the extension had until now, empty unless it changes: its
    row, lines, registrations and whatever else hangs on it move to `extension.number`.
    """

    extension: Extension | None
    link: Link
    former_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """Somebody changed the extension or the link since the plan: nothing may be written."""

    reason: str


def apply_step(
    extensions: Mapping[str, Extension],
    links: Mapping[str, Link],
    step: PlanStep,
    now: datetime,
    new_secret: Callable[[], Secret],
) -> Applied | Outdated:
    """Give the values to write for a step, or why it fits no longer.

    `new_secret` is called for a new extension only: a secret never changes here.
    """
    before = links.get(step.guid)
    if before is not None and (
        before.is_ignored_by_hand or before.overrides != step.link.overrides
    ):
        return Outdated(reason=f"the link of {step.login} was changed by hand")
    if not step.changes:
        return Applied(extension=None, link=step.link)
    if StepKind.CREATE in step.kinds:
        return _created(extensions, step, now, new_secret)
    return _changed(extensions, step)


def _created(
    extensions: Mapping[str, Extension],
    step: PlanStep,
    now: datetime,
    new_secret: Callable[[], Secret],
) -> Applied | Outdated:
    if step.number in extensions:
        return Outdated(reason=f"extension {step.number} exists by now")
    extension = Extension(
        number=step.number,
        name=step.link.name,
        email=step.link.email,
        secret=new_secret(),
        source=step.link.source,
        created_at=now,
    )
    return Applied(extension=extension, link=step.link)


def _changed(extensions: Mapping[str, Extension], step: PlanStep) -> Applied | Outdated:
    extension = extensions.get(step.old_number)
    if extension is None:
        return Outdated(reason=f"extension {step.old_number} does not exist any more")
    if StepKind.ADOPT not in step.kinds and extension.source != step.link.source:
        return Outdated(reason=f"extension {step.old_number} is not of this directory any more")
    if step.number != step.old_number and step.number in extensions:
        return Outdated(reason=f"extension {step.number} exists by now")
    for change in step.changes:
        if _text(extension, change.field) != change.old:
            return Outdated(
                reason=f"{change.field} of extension {step.old_number} was changed by hand"
            )
        extension = _with(extension, change)
    former = step.old_number if step.number != step.old_number else ""
    return Applied(extension=extension, link=step.link, former_number=former)


def _text(extension: Extension, field: str) -> str:
    if field == "is_enabled":
        return "true" if extension.is_enabled else "false"
    return {
        "number": extension.number,
        "name": extension.name,
        "email": extension.email,
        "source": extension.source,
    }[field]


def _with(extension: Extension, change: FieldChange) -> Extension:
    match change.field:
        case "number":
            return replace(extension, number=change.new)
        case "name":
            return replace(extension, name=change.new)
        case "email":
            return replace(extension, email=change.new)
        case "source":
            return replace(extension, source=change.new)
        case _:
            return replace(extension, is_enabled=change.new == "true")
