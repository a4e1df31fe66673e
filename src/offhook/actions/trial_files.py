"""Making the files of phones that are not taken in yet: whose cannot be made is refused."""

from __future__ import annotations

from collections.abc import Sequence, Set

from offhook.actions.changing import refused_for
from offhook.actions.files import digests
from offhook.actions.wanted import Fate, Judged
from offhook.core.inventory import FileSource
from offhook.diagnosis.facts import RenderFault
from offhook.errors import BadRequestError

Kinds = dict[tuple[str, str, int], RenderFault | None]
"""What became of the first phone tried of each maker, model and number of lines."""


def try_all(
    source: FileSource,
    chunk: Sequence[Judged],
    kinds: Kinds,
    is_exact: bool,
) -> list[Judged]:
    """Try some rows: each of them, or one of a kind that was not tried yet."""
    return [_try(source, it, kinds, is_exact) for it in chunk]


def _try(
    source: FileSource,
    item: Judged,
    kinds: Kinds,
    is_exact: bool,
) -> Judged:
    device = item.device
    if device is None or item.fate is Fate.SAME:
        return item
    kind = (device.vendor, device.model, len(device.lines))
    if is_exact or kind not in kinds:
        made = digests(source, device)
        kinds[kind] = made if isinstance(made, RenderFault) else None
    failed = kinds[kind]
    if failed is None:
        return item
    return Judged(wanted=item.wanted, fate=Fate.WRONG, refusal=refused_for(device, failed))


def without_orphans(found: list[Judged], planned: Set[str]) -> list[Judged]:
    """Refuse rows that counted on an extension of a row that turned out wrong."""
    lost = planned - {it.number for item in found for it in item.made}
    return [_orphan(item, lost) if lost else item for item in found]


def _orphan(item: Judged, lost: Set[str]) -> Judged:
    missing = next((it.extension for it in item.wanted.lines if it.extension in lost), "")
    if item.refusal is not None or not missing:
        return item
    error = BadRequestError(
        "unknown_extension",
        f"extension {missing} was to be made by another row, which cannot be used",
        "mend that row first",
    )
    return Judged(wanted=item.wanted, fate=Fate.WRONG, refusal=error)
